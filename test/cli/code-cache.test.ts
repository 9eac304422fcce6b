// The built program keeps the code that V8 compiled for `codebuddy serve` (src/cli/load-serve.ts).

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { serve, start, temporaryFolder } from './run-cli.ts';

const bin = fileURLToPath(new URL('../../bin/codebuddy.js', import.meta.url));

/** Starts the server, sends it two requests and stops it. */
async function serveOnce(home: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  const environment = { NODE_COMPILE_CACHE: join(home, 'cache'), ...more };
  const server = start(home, ['serve', '--json', '--port', '0'], environment, bin);
  await server.saw('\n');
  const { url, keyFile } = JSON.parse(server.output.stdout) as { url: string; keyFile: string };
  expect((await fetch(`${url}/health`)).status).toBe(200);
  const headers = { 'X-API-Key': readFileSync(keyFile, 'utf8').trim() };
  expect((await fetch(`${url}/api/status`, { headers })).status).toBe(200);
  server.child.kill('SIGTERM');
  expect((await server.finished).code).toBe(0);
}

function codeFiles(home: string): readonly string[] {
  return readdirSync(home, { recursive: true, encoding: 'utf8' })
    .filter((name) => /serve\.code/.test(name))
    .map((name) => join(home, name));
}

/** A file that is replaced has another inode. */
function inodeOf(path: string | undefined): number {
  return statSync(path as string).ino;
}

describe('the code cache of codebuddy serve', () => {
  test('is written by the first start, for its user only, and used by the second', async () => {
    const home = temporaryFolder();
    await serveOnce(home);
    const files = codeFiles(home);
    expect(files).toHaveLength(1);
    expect(statSync(files[0] as string).mode & 0o777).toBe(0o600);
    const inode = inodeOf(files[0]);
    await serveOnce(home);
    expect(codeFiles(home)).toEqual(files);
    expect(inodeOf(files[0])).toBe(inode);
  });

  test.each<[string, (content: Buffer) => Buffer]>([
    ['damaged', (content) => content.fill(0, content.length / 2)],
    ['cut off', (content) => content.subarray(0, 1000)],
    ['empty', () => Buffer.alloc(0)],
  ])('is replaced if it is %s', async (_what, damage) => {
    const home = temporaryFolder();
    await serveOnce(home);
    const [file = ''] = codeFiles(home);
    const content = readFileSync(file);
    writeFileSync(file, damage(Buffer.from(content)));
    const inode = inodeOf(file);
    await serveOnce(home);
    expect(inodeOf(file)).not.toBe(inode);
    expect(statSync(file).size).toBeGreaterThan(content.length / 2);
  });

  test('is not written where the compile cache is disabled', async () => {
    const home = temporaryFolder();
    await serveOnce(home, { NODE_DISABLE_COMPILE_CACHE: '1' });
    expect(codeFiles(home)).toEqual([]);
  });

  test('prints no warning when the server loads a package', async () => {
    const home = temporaryFolder();
    const server = await serve(home, [], { NODE_NO_WARNINGS: '0' });
    const client = new CodeBuddyClient({ home });
    const receiver = await startReceiver();
    const webhook = await client.webhooks.create({ url: receiver.url });
    await client.webhooks.test(webhook.id);
    await receiver.received(1);
    client.close();
    server.child.kill('SIGTERM');
    expect((await server.finished).stderr).not.toContain('Warning');
  });
});
