// The names of all views, from their table. It imports pages, which only a bundler understands, so it is read as text.

import { readFileSync } from 'node:fs';

const table = readFileSync(new URL('../../web/app/views.ts', import.meta.url), 'utf8');

export const viewNames: readonly string[] = [...table.matchAll(/^ {4}name: '([\w-]*)'/gm)].map(
  ([, name = '']) => name,
);
