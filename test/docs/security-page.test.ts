// docs/security.md promises nothing without a test that holds it.

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

test('each promise on the security page names a test that exists', () => {
  const promises = page.slice(page.indexOf('## Promises'), page.indexOf('## Not promised'));
  const rows = promises.split('\n').filter((line) => /^\| (?!promise |---)/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    const named = [...row.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, path]) => path as string);
    expect(named, row).not.toEqual([]);
    for (const path of named) expect(existsSync(new URL(`../${path}`, import.meta.url)), path).toBe(true);
  }
});
