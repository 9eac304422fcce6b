// Files of an earlier release are next to the first version's: those of this server move to the subfolder `api`, the
// first version's are not touched.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebhookManager } from '../../src/api/webhooks.ts';
import { createApp } from '../../src/app.ts';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { Logger } from '../../src/http/logger.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { run } from '../cli/run-cli.ts';

const key = `cbk_${'k'.repeat(43)}`;

function temporaryHome(): string {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-move-')));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

/** A database of this server with one event. */
async function makeOwnDatabase(path: string, title = 'kept'): Promise<void> {
  const store = await openSqliteStore({ path });
  const log = createEventLog({ store });
  await log.append([{ type: 'session.start', data: { title } }]);
  await log.close();
  await store.close();
}

/** A database of the first version, with a memory of its user. */
function makeFirstVersionDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE schema_version (version INTEGER PRIMARY KEY);
    CREATE TABLE memories (id TEXT PRIMARY KEY, content TEXT);
    CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE messages (id INTEGER PRIMARY KEY, content TEXT);
    INSERT INTO memories VALUES ('1', 'mine');`);
  database.close();
}

function snapshot(path: string): unknown {
  const { mtimeMs, size, ino, mode } = statSync(path);
  return { mtimeMs, size, ino, mode, content: readFileSync(path, 'base64') };
}

async function start(home: string) {
  const lines: string[] = [];
  const take = (...args: unknown[]): void => void lines.push(String(args.at(-1)));
  const logger: Logger = { debug: () => {}, info: take, warn: take, error: take };
  const workspace = join(home, '..', `${home.split('/').at(-1)}-workspace`);
  mkdirSync(workspace, { recursive: true });
  onTestFinished(() => rmSync(workspace, { recursive: true, force: true }));
  const { settings } = loadSettings({
    flags: { home, workspace, port: '0', models: 'offline' },
    environment: {},
  });
  const app = await createApp(settings, { logger, environment: { PATH: process.env.PATH } });
  await app.start();
  const client = new CodeBuddyClient({ home });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      client.close();
      await app.stop();
    })();
    return stopped;
  };
  onTestFinished(stop);
  return { app, client, settings, lines, stop };
}

async function titles(client: CodeBuddyClient): Promise<readonly unknown[]> {
  const { events } = await client.events.list({ types: ['session.start'] });
  return events.map(({ data }) => (data as { title: unknown }).title);
}

describe('files of an earlier release', () => {
  test('move to the subfolder at the next start, once, and the log says so', async () => {
    const home = temporaryHome();
    await makeOwnDatabase(join(home, 'codebuddy.db'));
    writeFileSync(join(home, 'config.json'), '{"maxActiveRuns": 3}');
    writeFileSync(join(home, 'api-key'), `${key}\n`, { mode: 0o600 });
    writeFileSync(join(home, 'listen.json'), '{"dev": {"secret": "whsec_x"}}');
    writeFileSync(
      join(home, 'server.json'),
      JSON.stringify({ url: 'http://127.0.0.1:1', pid: 2 ** 30, startedAt: '', version: '0' }),
    );
    writeFileSync(join(home, 'webhooks.json'), '[]');
    mkdirSync(join(home, 'compile-cache/v24.1.0-x64-abc'), { recursive: true });
    const { client, settings, lines, stop } = await start(home);
    expect(readdirSync(home).sort()).toEqual(['api', 'webhooks.json']);
    expect(settings.maxActiveRuns).toBe(3);
    expect(readFileSync(join(home, 'api/api-key'), 'utf8')).toBe(`${key}\n`);
    expect(readFileSync(join(home, 'api/listen.json'), 'utf8')).toContain('whsec_x');
    expect(await titles(client)).toEqual(['kept']);
    for (const name of ['codebuddy.db', 'config.json', 'api-key', 'listen.json'])
      expect(lines).toContain(`${join(home, name)} was moved to ${join(home, 'api', name)}`);
    await stop();
    const second = await start(home);
    expect(second.settings.maxActiveRuns).toBe(3);
    expect(await titles(second.client)).toEqual(['kept']);
    expect(second.lines.filter((line) => line.includes('moved'))).toEqual([]);
  });

  test('a database whose server was killed moves with its write-ahead log', async () => {
    const home = temporaryHome();
    const from = join(home, 'elsewhere.db');
    const store = await openSqliteStore({ path: from });
    const log = createEventLog({ store });
    await log.append([{ type: 'session.start', data: { title: 'in the log' } }]);
    // The state after a kill: copied while it is open.
    for (const end of ['', '-wal']) copyFileSync(from + end, join(home, `codebuddy.db${end}`));
    writeFileSync(join(home, 'codebuddy.db.lock'), '');
    await log.close();
    await store.close();
    expect(statSync(join(home, 'codebuddy.db-wal')).size).toBeGreaterThan(0);
    const { client } = await start(home);
    expect(await titles(client)).toEqual(['in the log']);
    expect(readdirSync(home).filter((name) => name.startsWith('codebuddy.db'))).toEqual([]);
  });

  test('a database that an earlier release still uses is not moved', async () => {
    const home = temporaryHome();
    const store = await openSqliteStore({ path: join(home, 'codebuddy.db') });
    await expect(start(home)).rejects.toThrow(/codebuddy\.db is in use by process/);
    await store.close();
    await start(home);
    expect(existsSync(join(home, 'codebuddy.db'))).toBe(false);
  });

  test('a move that a crash interrupted is finished', async () => {
    const home = temporaryHome();
    mkdirSync(join(home, 'api'));
    writeFileSync(join(home, 'api-key'), `${key}\n`, { mode: 0o600 });
    // The new name exists, the old one was not removed.
    const { linkSync } = await import('node:fs');
    linkSync(join(home, 'api-key'), join(home, 'api/api-key'));
    const { lines } = await start(home);
    expect(existsSync(join(home, 'api-key'))).toBe(false);
    expect(readFileSync(join(home, 'api/api-key'), 'utf8')).toBe(`${key}\n`);
    expect(lines.join('\n')).not.toContain('is not used');
  });

  test('never replace newer ones', async () => {
    const home = temporaryHome();
    mkdirSync(join(home, 'api'));
    await makeOwnDatabase(join(home, 'codebuddy.db'), 'old');
    await makeOwnDatabase(join(home, 'api/codebuddy.db'), 'new');
    writeFileSync(join(home, 'api-key'), `${key}\n`);
    writeFileSync(join(home, 'api/api-key'), `cbk_${'n'.repeat(43)}\n`, { mode: 0o600 });
    const { client, lines } = await start(home);
    expect(await titles(client)).toEqual(['new']);
    expect(existsSync(join(home, 'codebuddy.db'))).toBe(true);
    expect(readFileSync(join(home, 'api-key'), 'utf8')).toBe(`${key}\n`);
    expect(lines.filter((line) => line.includes('is not used: there is a newer'))).toHaveLength(2);
  });

  test('a symbolic link is followed: the target file stays', async () => {
    const home = temporaryHome();
    const elsewhere = temporaryHome();
    await makeOwnDatabase(join(elsewhere, 'real.db'));
    writeFileSync(join(elsewhere, 'settings.json'), '{"retentionDays": 7}');
    symlinkSync(join(elsewhere, 'real.db'), join(home, 'codebuddy.db'));
    symlinkSync(join(elsewhere, 'settings.json'), join(home, 'config.json'));
    writeFileSync(join(home, 'api-key'), `${key}\n`);
    const { client, stop } = await start(home);
    expect(await titles(client)).toEqual(['kept']);
    await stop();
    expect(realpathSync(join(home, 'api/codebuddy.db'))).toBe(join(elsewhere, 'real.db'));
    expect(realpathSync(join(home, 'api/config.json'))).toBe(join(elsewhere, 'settings.json'));
    expect((await start(home)).settings.retentionDays).toBe(7);
  });

  test('a database named in the settings stays', async () => {
    const home = temporaryHome();
    const path = join(home, 'codebuddy.db');
    await makeOwnDatabase(path);
    mkdirSync(join(home, 'api'));
    writeFileSync(join(home, 'api/config.json'), JSON.stringify({ database: path }));
    const { client } = await start(home);
    expect(await titles(client)).toEqual(['kept']);
    expect(existsSync(path)).toBe(true);
  });

  test('doctor reads them before the move, and moves nothing', async () => {
    const home = temporaryHome();
    await makeOwnDatabase(join(home, 'codebuddy.db'));
    writeFileSync(join(home, 'api-key'), `${key}\n`, { mode: 0o600 });
    writeFileSync(join(home, 'config.json'), '{"port": 0, "retentionDays": 7}');
    const { stdout } = await run(home, ['doctor', '--json', '--workspace', home]);
    const { settings, checks } = JSON.parse(stdout) as {
      settings: { name: string; value: unknown }[];
      checks: { name: string; detail: string }[];
    };
    expect(settings.find(({ name }) => name === 'retentionDays')?.value).toBe(7);
    expect(checks.find(({ name }) => name === 'database')?.detail).toContain('1 events so far');
    expect(existsSync(join(home, 'codebuddy.db'))).toBe(true);
  });
});

describe('files of the first version', () => {
  test.each([
    ['with settings of its own', { model: 'grok-code-fast-1', theme: 'dark', apiKey: 'xai-mine' }],
    ['with names that we use too', { mcpServers: { notes: { command: 'notes' } } }],
    ['that is empty', {}],
  ])('a database and a config.json %s are not changed', async (_name, config) => {
    const home = temporaryHome();
    makeFirstVersionDatabase(join(home, 'codebuddy.db'));
    writeFileSync(join(home, 'config.json'), JSON.stringify(config));
    // Left by a release that tried to open the database and refused.
    writeFileSync(join(home, 'codebuddy.db.lock'), '');
    const names = ['codebuddy.db', 'config.json'];
    const before = names.map((name) => snapshot(join(home, name)));
    const { client, settings, lines, stop } = await start(home);
    expect((await client.prompt({ prompt: 'help' })).finishReason).toBe('stop');
    expect(settings.mcpServers).toBeUndefined();
    await stop();
    await start(home);
    expect(names.map((name) => snapshot(join(home, name)))).toEqual(before);
    expect(readdirSync(home).sort()).toEqual(
      ['api', 'codebuddy.db', 'codebuddy.db.lock', 'config.json', 'webhooks.json'].filter((name) =>
        existsSync(join(home, name)),
      ),
    );
    expect(lines.join('\n')).not.toMatch(/moved|not used/);
  });

  test('a database that the first version has open is not disturbed', async () => {
    const home = temporaryHome();
    const path = join(home, 'codebuddy.db');
    makeFirstVersionDatabase(path);
    const theirs = new DatabaseSync(path);
    onTestFinished(() => theirs.close());
    theirs.exec("BEGIN IMMEDIATE; INSERT INTO memories VALUES ('2', 'also mine')");
    await start(home);
    theirs.exec('COMMIT');
    expect(theirs.prepare('SELECT count(*) AS count FROM memories').get()?.count).toBe(2);
  });

  test('webhooks.json is shared with the library', async () => {
    const home = temporaryHome();
    makeFirstVersionDatabase(join(home, 'codebuddy.db'));
    const before = snapshot(join(home, 'codebuddy.db'));
    writeFileSync(
      join(home, 'webhooks.json'),
      JSON.stringify([
        {
          id: 'webhook-1700000000000-abcdef',
          name: 'ci',
          url: 'http://127.0.0.1:4999/',
          events: ['tool.start'],
          enabled: true,
        },
      ]),
    );
    const webhooks = new WebhookManager({ home });
    onTestFinished(() => webhooks.close());
    expect((await webhooks.getAll()).map(({ name }) => name)).toEqual(['ci']);
    expect(existsSync(join(home, 'api/codebuddy.db'))).toBe(true);
    expect(snapshot(join(home, 'codebuddy.db'))).toEqual(before);
  });

  test('settings of another agent are ignored, settings of this server are used', async () => {
    const home = temporaryHome();
    const path = join(home, 'config.json');
    const common = { mcpServers: { notes: { command: 'notes' } }, permissions: { allow: [] } };
    writeFileSync(path, JSON.stringify(common));
    const { settings, stop } = await start(home);
    expect(settings.mcpServers).toBeUndefined();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(common);
    await stop();
    writeFileSync(path, JSON.stringify({ ...common, mcpServers: {}, retentionDays: 7 }));
    expect((await start(home)).settings.retentionDays).toBe(7);
    expect(existsSync(path)).toBe(false);
  });

  test('files of other programs with the same names are not touched', async () => {
    const home = temporaryHome();
    const foreign = {
      'api-key': 'sk-ant-0123456789abcdef\n',
      'server.json': '{"url": "http://127.0.0.1:1", "port": 1}',
      'listen.json': '["a"]',
    };
    for (const [name, content] of Object.entries(foreign)) writeFileSync(join(home, name), content);
    await start(home);
    for (const [name, content] of Object.entries(foreign))
      expect(readFileSync(join(home, name), 'utf8')).toBe(content);
    expect(readFileSync(join(home, 'api/api-key'), 'utf8')).toMatch(/^cbk_/);
  });
});
