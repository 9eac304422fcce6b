// Each promise on docs/security.md names the tests that check it.

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

test('each promise on the security page names a test that exists', () => {
  const promises = page.slice(page.indexOf('## Promises'), page.indexOf('## Not promised'));
  // A promise begins with a dash and ends before the next promise or heading.
  const items = promises.split(/^(?=- |#)/m).filter((text) => text.startsWith('- '));
  expect(items.length).toBeGreaterThan(20);
  for (const item of items) {
    const named = [...item.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, path]) => path as string);
    expect(named, item).not.toEqual([]);
    for (const path of named) expect(existsSync(new URL(`../${path}`, import.meta.url)), path).toBe(true);
  }
});
