// Skips single tests that hold for SQLite only, so that the report has their reasons.

import { beforeEach } from 'vitest';
import { sqliteOnlyTests } from './sqlite-only.ts';

const reasons = Object.entries(sqliteOnlyTests);

beforeEach(({ task, skip }) => {
  const names: string[] = [];
  for (let at: { readonly name: string; readonly suite?: unknown } | undefined = task; at !== undefined; ) {
    names.unshift(at.name);
    at = at.suite as typeof at;
  }
  const name = names.join(' > ');
  const found = reasons.find(([of]) => name.endsWith(of));
  if (found !== undefined) skip(found[1]);
});
