// The program is bundled (scripts/bundle.cjs).

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'dist/cli');
const files = readdirSync(folder).filter((name) => /\.c?js$/.test(name));

test('the licences of the packages in the bundle are beside it', () => {
  const licences = readFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  const named = files.flatMap((name) => [
    ...readFileSync(join(folder, name), 'utf8').matchAll(/"node_modules\/((?:@[^/"]+\/)?[^/"]+)\//g),
  ]);
  const packages = new Set(named.map(([, name]) => name));
  expect(packages.size).toBeGreaterThan(20);
  for (const name of packages) expect(licences).toContain(`\n${name} `);
});

test('no module of Node is imported, since that would load everything its exports need', () => {
  for (const name of files)
    expect(readFileSync(join(folder, name), 'utf8'), name).not.toMatch(/(from|import\()\s*["']node:/);
});
