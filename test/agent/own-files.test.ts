// Tools, commands and the watcher cannot reach the server's own files and their copies, even if the workspace is the
// config folder or contains the database.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { copiesOf } from '../../src/agent/own-files.ts';
import { createApp } from '../../src/app.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { waitFor } from '../wait-for.ts';
import { temporaryFolder } from './start-agent.ts';

const secret = 'SECRET-IN-A-COPY';

async function startApp(flags: Readonly<Record<string, string>>) {
  const { settings } = loadSettings({
    flags: { port: '0', models: 'offline', permissionMode: 'full', ...flags },
    environment: {},
  });
  const app = await createApp(settings, { environment: { PATH: process.env.PATH } });
  await app.start();
  onTestFinished(() => app.stop());
  const key = readFileSync(app.keyFile, 'utf8').trim();
  return {
    app,
    async tool(name: string, body: Readonly<Record<string, unknown>>): Promise<string> {
      const answer = await fetch(`${app.url}/api/tools/${name}`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return answer.text();
    },
    async changedFiles(): Promise<string> {
      const answer = await fetch(`${app.url}/api/events?types=file.*&limit=100`, {
        headers: { 'x-api-key': key },
      });
      return answer.text();
    },
  };
}

const copies = [
  'api-key',
  'api-key.4242.tmp',
  'api-key~',
  'api-key.bak',
  'config.json',
  'config.json.4242.tmp',
  '.config.json.swp',
  '#config.json#',
  '.#config.json',
  'webhooks.json',
  'webhooks.json.corrupt-2026-11-29T120000Z',
  'webhooks.json.4242.tmp',
  'webhooks.json (copy)',
  'WEBHOOKS.JSON.old',
  'server.json.4242.tmp',
  'listen.json',
  'listen.json.4242.tmp',
  'codebuddy.db',
  'codebuddy.db-wal',
  'codebuddy.db-shm',
  'codebuddy.db-journal',
  'codebuddy.db.lock',
  'codebuddy.db.owner',
  'codebuddy.db.owner.new',
  'codebuddy.db.backup-7',
  'compile-cache/v24/x.js',
  'api/api-key',
  'api/api-key~',
  'api/codebuddy.db',
  'api/codebuddy.db-wal',
  'api/config.json.4242.tmp',
  'api/compile-cache/v24/x.js',
];

describe('in a workspace that is the config folder', () => {
  it('no copy of the server’s files is read, found, listed, changed, deleted or reported', async () => {
    const home = temporaryFolder();
    const { tool, changedFiles } = await startApp({ home, workspace: home });
    for (const folder of ['', 'api']) mkdirSync(join(home, folder, 'compile-cache/v24'), { recursive: true });
    const planted = copies.filter((name) => !existsSync(join(home, name)));
    // A webhooks.json that is not a list would be set aside, and the copy might appear while a command runs.
    const webhooks = JSON.stringify([{ id: 'one', url: 'https://example.org/', enabled: false, secret }]);
    for (const name of planted)
      writeFileSync(join(home, name), name === 'webhooks.json' ? webhooks : `${secret}\n`);
    writeFileSync(join(home, 'notes.md'), 'mine\n');
    symlinkSync('api-key.bak', join(home, 'link.txt'));

    for (const name of copies) {
      expect(await tool('read_file', { path: name }), name).toContain('"code":"outside_workspace"');
      expect(await tool('write_file', { path: name, content: 'x' }), name).toContain('outside_workspace');
      expect(await tool('search', { pattern: 'SECRET', path: name }), name).not.toContain(secret);
    }
    expect(await tool('read_file', { path: 'link.txt' })).toContain('outside_workspace');
    expect(await tool('search', { pattern: 'SECRET|mine' })).toContain('notes.md');
    for (const [name, body] of [
      ['search', { pattern: 'SECRET|mine' }],
      ['glob', { pattern: '**/*' }],
      ['glob', { pattern: '**/.*' }],
      ['list_directory', { path: '.' }],
    ] as const) {
      const answer = await tool(name, body);
      for (const copy of copies) expect(answer, `${name}: ${copy}`).not.toContain(`"${copy}"`);
      expect(answer).not.toContain(secret);
    }
    // Without a sandbox a command has all rights of its user.
    if ((await tool('bash', { command: 'cat /proc/1/cmdline' })).includes('bwrap')) {
      const output = await tool('bash', {
        command: 'cat * .* compile-cache/*/* api/* api/*/*/* 2>/dev/null; cat notes.md',
      });
      expect(output).toContain('mine');
      expect(output).not.toContain(secret);
    }

    writeFileSync(join(home, 'seen.md'), 'x');
    await waitFor('the watcher reports seen.md', async () => (await changedFiles()).includes('seen.md'));
    const told = await changedFiles();
    for (const copy of copies) expect(told).not.toContain(`"${copy}"`);
  });
});

describe('with the database in the workspace', () => {
  it.each(['state/data.sqlite', 'data'])(
    '%s and its copies are hidden, other files are not',
    async (name) => {
      const base = temporaryFolder();
      const workspace = join(base, 'workspace');
      mkdirSync(join(workspace, 'state'), { recursive: true });
      const database = join(workspace, name);
      const { tool } = await startApp({ home: join(base, 'home'), workspace, database });
      const endings = ['', '-wal', '-shm', '-journal', '.lock', '.owner', '.owner.new', '.corrupt-1', '.bak'];
      for (const ending of endings) {
        if (!existsSync(database + ending)) writeFileSync(database + ending, secret);
        expect(await tool('read_file', { path: name + ending }), ending).toContain('outside_workspace');
      }
      for (const other of ['data.ts', 'database', 'state/data.ts', 'data-model.md']) {
        writeFileSync(join(workspace, other), 'mine');
        expect(await tool('read_file', { path: other }), other).toContain('mine');
      }
    },
  );
});

describe('names of copies', () => {
  it('begin with the name and a separator', () => {
    const isCopy = copiesOf('config.json');
    for (const name of [
      'config.json',
      'config.json.bak',
      'config.json~',
      '.config.json.swp',
      'CONFIG.json-1',
    ])
      expect(isCopy(name), name).toBe(true);
    for (const name of [
      'config.json5',
      'config.js',
      'tsconfig.json',
      'my-config.json',
      'config',
      'config.jsonc',
    ])
      expect(isCopy(name), name).toBe(false);
  });
});

describe('every file that the server creates', () => {
  it('is private from the start, under any umask', async () => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    const base = temporaryFolder();
    const home = join(base, 'home');
    await startApp({ home, workspace: base });
    const api = join(home, 'api');
    for (const folder of [home, api]) {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
    }
    expect(readdirSync(api)).toEqual(
      expect.arrayContaining([
        'api-key',
        'codebuddy.db',
        'codebuddy.db-wal',
        'codebuddy.db.owner',
        'server.json',
      ]),
    );
  });

  it('is private when it is set aside, too', async () => {
    const home = temporaryFolder();
    const file = join(home, 'webhooks.json');
    // Larger than a registry may be.
    writeFileSync(file, ' '.repeat(16 * 1024 * 1024 + 1));
    chmodSync(file, 0o644);
    await startApp({ home, workspace: temporaryFolder() });
    const aside = readdirSync(home).find((name) => name.startsWith('webhooks.json.corrupt-')) as string;
    expect(statSync(join(home, aside)).mode & 0o777).toBe(0o600);
  });

  it('is never written through a planted link', async () => {
    const folder = temporaryFolder();
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'untouched');
    chmodSync(victim, 0o644);
    const path = join(folder, 'a.db');
    symlinkSync(victim, `${path}.owner.new`);
    const store = await openSqliteStore({ path });
    await store.close();
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    symlinkSync(victim, `${path}2.lock`);
    await expect(openSqliteStore({ path: `${path}2` })).rejects.toThrow(`${path}2.lock is a symbolic link`);
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    expect(statSync(victim).mode & 0o777).toBe(0o644);
  });
});
