// The size of the client in a page, and what it needs there.

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundleClient, firstCodeOf } from './bundle-client.ts';

test('the client takes at most 8 KB of a page, gzipped', async () => {
  const code = await firstCodeOf('src/client/web.ts');
  expect(code).toContain('/api/prompt');
  expect(gzipSync(code).length).toBeLessThanOrEqual(8 * 1024);
});

test('the entry point for browsers imports nothing, neither of Node.js nor of npm', async () => {
  const code = await bundleClient('src/client/web.ts');
  expect(code).not.toMatch(/\bnode:|\brequire\(|\bprocess\.|\bBuffer\b|\bimport\b/);
});
