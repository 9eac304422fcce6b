// Moves files of an earlier release while kill -9 interrupts the move at any moment, and from several processes at the
// same time.

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { createEventLog } from '../../src/events/log.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { serve, start } from '../cli/run-cli.ts';
import { TEST_LIMIT_MS } from '../wait-for.ts';

const key = `cbk_${'k'.repeat(43)}`;
const rounds = Number(process.env.SOAK_ROUNDS ?? 2);
const movedFiles = ['api-key', 'config.json', 'codebuddy.db'];

/** The state that a killed server of an earlier release leaves: the newest events are in the write-ahead log only. */
async function makeOldHome(): Promise<string> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-old-')));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const path = join(home, 'making.db');
  const store = await openSqliteStore({ path });
  const log = createEventLog({ store });
  for (let count = 1; count <= 20; count++)
    await log.append([{ type: 'session.start', data: { title: `session ${count}` } }]);
  for (const end of ['', '-wal']) copyFileSync(path + end, join(home, `codebuddy.db${end}`));
  writeFileSync(join(home, 'codebuddy.db.lock'), '');
  await log.close();
  await store.close();
  writeFileSync(join(home, 'api-key'), `${key}\n`, { mode: 0o600 });
  writeFileSync(join(home, 'config.json'), '{"retentionDays": 7}');
  return home;
}

async function expectAll(home: string): Promise<void> {
  expect(readFileSync(join(home, 'api/api-key'), 'utf8')).toBe(`${key}\n`);
  expect(readFileSync(join(home, 'api/config.json'), 'utf8')).toBe('{"retentionDays": 7}');
  for (const name of movedFiles) expect(existsSync(join(home, name)), name).toBe(false);
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  const { events } = await client.events.list({ types: ['session.start'], limit: 100 });
  expect(events).toHaveLength(20);
}

test('kill -9 loses nothing', { timeout: (rounds + 1) * TEST_LIMIT_MS }, async () => {
  for (let round = 0; round < rounds; round++) {
    const home = await makeOldHome();
    const movedCount = (): number => movedFiles.filter((name) => !existsSync(join(home, name))).length;
    // First when one or two files have been moved, then when all have.
    for (const enough of [1 + (round % 2), 3]) {
      const { child, finished } = start(home, ['serve', '--port', '0', '--workspace', tmpdir()]);
      await expect.poll(movedCount, { interval: 1 }).toBeGreaterThanOrEqual(enough);
      // At a different line of code each time.
      await wait(Math.random() * 20);
      child.kill('SIGKILL');
      await finished;
    }
    const server = await serve(home, ['--workspace', home]);
    await expectAll(home);
    server.child.kill('SIGKILL');
    await server.finished;
  }
});

test('of several servers that start at once, one moves the files; the others name it', async () => {
  const home = await makeOldHome();
  const started = Array.from({ length: 4 }, () =>
    start(home, ['serve', '--port', '0', '--json', '--workspace', home]),
  );
  const first = await Promise.any(started.map((one) => one.saw('"url"').then(() => one)));
  const others = await Promise.all(started.filter((one) => one !== first).map((one) => one.finished));
  for (const { code, stderr } of others) {
    expect(code).toBe(1);
    expect(stderr).toMatch(/is in use by/);
  }
  await expectAll(home);
});
