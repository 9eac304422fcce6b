// The next start removes the temporary files of a crash in the middle of a write, and nothing else.

import { existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeLeftovers } from '../../src/agent/tools/leftovers.ts';
import { isTemporaryName, temporaryName } from '../../src/agent/tools/temporary-name.ts';
import { startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

const hex = '0123456789abcdef';
/** Not the pid of any process: pids of Linux end at 4 194 304. */
const deadPid = 9_999_999;

function plant(path: string, ageMs = 60_000): string {
  writeFileSync(path, 'half a file');
  const at = (Date.now() - ageMs) / 1000;
  utimesSync(path, at, at);
  return path;
}

describe('in the workspace', () => {
  it('only temporary files of ended processes are removed at the next start', async () => {
    const folder = temporaryFolder();
    const workspace = join(folder, 'workspace');
    const deep = join(workspace, 'a/b/node_modules/c');
    mkdirSync(deep, { recursive: true });
    const outside = join(folder, 'elsewhere');
    mkdirSync(outside);
    const left = [
      plant(join(workspace, `.codebuddy-${hex}.tmp`)),
      plant(join(deep, `.codebuddy-${hex}.tmp`)),
      plant(join(workspace, `.codebuddy-${deadPid}-${hex}.tmp`)),
      // Of an earlier process with this pid, as in a container.
      plant(join(workspace, `.codebuddy-${process.pid}-${hex}.tmp`), 24 * 3_600_000),
      // New: it is checked twice.
      plant(join(workspace, 'a', `.codebuddy-${hex}.tmp`), 0),
    ];
    const victim = join(outside, `.codebuddy-${hex}.tmp`);
    writeFileSync(victim, 'mine');
    symlinkSync(victim, join(workspace, 'a/b', `.codebuddy-${hex}.tmp`));
    symlinkSync(outside, join(workspace, 'link'));
    mkdirSync(join(workspace, `.codebuddy-${'f'.repeat(16)}.tmp`));
    const kept = [
      // The parent of this test is running, so it may be writing.
      plant(join(workspace, `.codebuddy-${process.ppid}-${hex}.tmp`)),
      plant(join(workspace, '.codebuddy-notes.tmp')),
      plant(join(workspace, `codebuddy-${hex}.tmp`)),
      plant(join(workspace, `.codebuddy-${hex}.tmp.txt`)),
      victim,
      join(workspace, 'a/b', `.codebuddy-${hex}.tmp`),
      join(workspace, `.codebuddy-${'f'.repeat(16)}.tmp`),
    ];
    const { tool } = await startAgent({ folder });
    await waitFor('the leftovers are removed', () => left.every((path) => !existsSync(path)));
    for (const path of kept) expect(existsSync(path), path).toBe(true);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    // Writing works as before, and leaves nothing.
    await tool('write_file', { path: 'new.txt', content: 'x' });
    expect(readFileSync(join(workspace, 'new.txt'), 'utf8')).toBe('x');
  });

  it('a file that is still being written is kept', async () => {
    const root = temporaryFolder();
    const path = plant(join(root, `.codebuddy-${hex}.tmp`), 0);
    let length = 0;
    const writer = setInterval(() => writeFileSync(path, 'x'.repeat(++length)), 5);
    onTestFinished(() => clearInterval(writer));
    const { signal } = new AbortController();
    expect(await removeLeftovers({ root, signal, settleMs: 300 })).toBe(0);
    expect(existsSync(path)).toBe(true);
    clearInterval(writer);
    await waitFor('it is removed', async () => (await removeLeftovers({ root, signal, settleMs: 50 })) === 1);
  });

  it('the search for them is bounded, can be aborted, and survives a missing folder', async () => {
    const root = temporaryFolder();
    for (let i = 0; i < 50; i++) plant(join(root, `file-${i}`));
    plant(join(root, `zz`));
    const { signal } = new AbortController();
    expect(await removeLeftovers({ root, signal, maxEntries: 10 })).toBe(0);
    plant(join(root, `.codebuddy-${hex}.tmp`));
    expect(await removeLeftovers({ root, signal: AbortSignal.abort() })).toBe(0);
    expect(await removeLeftovers({ root, signal })).toBe(1);
  });

  it('temporary files are recognized by their names', () => {
    expect(isTemporaryName(temporaryName())).toBe(true);
    for (const name of ['.codebuddy.tmp', `.codebuddy-${hex}`, `x.codebuddy-${hex}.tmp`, '.codebuddy-G.tmp'])
      expect(isTemporaryName(name), name).toBe(false);
  });
});

describe('in the config folder', () => {
  it('copies that a crash left of keys and settings are removed at the next start', async () => {
    const folder = temporaryFolder();
    const home = join(folder, 'home');
    const elsewhere = join(folder, 'dotfiles');
    for (const path of [join(home, 'api'), elsewhere]) mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(elsewhere, 'hooks.json'), '{"webhooks": []}', { mode: 0o600 });
    symlinkSync(join(elsewhere, 'hooks.json'), join(home, 'webhooks.json'));
    const names = ['api/api-key', 'api/config.json', 'api/server.json', 'api/listen.json', 'webhooks.json'];
    const left = names.map((name) => plant(join(home, `${name}.${deadPid}.tmp`)));
    left.push(plant(join(elsewhere, `hooks.json.${deadPid}.tmp`)));
    const kept = [
      plant(join(home, 'api', `listen.json.${process.ppid}.tmp`)),
      plant(join(home, 'api', 'config.json.mine.tmp')),
      plant(join(home, 'webhooks.json.corrupt-2026-01-01T000000Z')),
    ];
    await startApp({ folder });
    for (const path of left) expect(existsSync(path), path).toBe(false);
    for (const path of kept) expect(existsSync(path), path).toBe(true);
  });
});
