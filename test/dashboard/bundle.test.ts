// The size of the dashboard. The files are those that browsers get.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const web = fileURLToPath(new URL('../../dist/web', import.meta.url));

test('the whole dashboard has at most 150 KB, compressed', () => {
  const files = readdirSync(`${web}/assets`).filter((name) => name.endsWith('.gz'));
  expect(files.length).toBeGreaterThan(2);
  const sizes = [`${web}/index.html.gz`, ...files.map((name) => `${web}/assets/${name}`)].map(
    (file) => statSync(file).size,
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(150_000);
});

test('the page has no inline script, no style and nothing from elsewhere', () => {
  const page = readFileSync(`${web}/index.html`, 'utf8');
  expect(page).not.toMatch(/<script(?![^>]* src="\/assets\/)/);
  expect(page).not.toMatch(/<style|\son\w+=|(?:src|href)="https?:/);
});
