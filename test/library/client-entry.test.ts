// `codebuddy-api/client` of the built package: the entry point that each platform gets.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bundleClient } from '../client/bundle-client.ts';

const root = join(import.meta.dirname, '..', '..');

function entryFor(conditions: readonly string[]): string {
  const code = "console.log(import.meta.resolve('codebuddy-api/client'))";
  const flags = conditions.map((condition) => `--conditions=${condition}`);
  const args = [...flags, '--input-type=module', '--eval', code];
  return fileURLToPath(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim());
}

test('browsers, Deno and Bun get the entry point without Node.js, and Node.js gets the one that finds servers', () => {
  const web = join(root, 'dist', 'client', 'web.js');
  for (const condition of ['browser', 'deno', 'bun']) expect(entryFor([condition]), condition).toBe(web);
  expect(entryFor([])).toBe(join(root, 'dist', 'client', 'index.js'));
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, Record<string, string>>;
  };
  // Edge runtimes have none of these conditions.
  expect(exports['./client']?.default).toBe('./dist/client/web.js');
});

test('the built entry point can be bundled for a page', async () => {
  const code = await bundleClient('dist/client/web.js');
  expect(code).not.toMatch(/\bnode:|\brequire\(|\bimport\b/);
  expect(code).toContain('CodeBuddyApiError');
});
