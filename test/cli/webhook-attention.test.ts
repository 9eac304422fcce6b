// Webhooks that need attention are named by every command and route that reports the state of the server.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../free-port.ts';
import { databaseSetting, usesPostgres } from '../postgres/test-store.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';

/** On PostgreSQL webhooks are in the database, so there is no file to set aside. */
const setAside = usesPostgres ? [] : ['webhooks.json.corrupt-2026-11-29T100000Z'];

it('status, doctor, readiness and serve name a paused webhook and a file that was set aside', async () => {
  const home = temporaryFolder();
  const server = await serve(home);
  const status = async () => (await run(home, ['status'])).stdout;
  expect(await status()).toContain('webhooks      0 deliveries pending\n');
  expect((await run(home, ['doctor'])).stdout).toContain('none needs attention');
  // Nothing listens on the port.
  const added = await run(home, ['webhooks', 'create', `http://127.0.0.1:${await freePort()}/`, '--json']);
  const { id } = JSON.parse(added.stdout) as { id: string };
  for (let i = 0; i < 3; i++) await run(home, ['tools', 'run', 'list_directory', '--json']);
  await expect.poll(status, { interval: 500 }).toContain(`${id} 127.0.0.1`);
  await expect.poll(status, { interval: 500 }).toContain('open');
  for (const file of setAside) {
    writeFileSync(join(home, file), 'no');
    expect(await status()).toContain(file);
  }
  const doctor = await run(home, ['doctor']);
  expect(doctor.stdout).toContain(`need attention: ${id} (open)`);
  for (const file of setAside) expect(doctor.stdout).toContain(`renamed to ${file}`);
  expect(doctor.code).toBe(1);
  const { CodeBuddyClient } = await import('../../src/client/index.ts');
  const client = new CodeBuddyClient({ home });
  const answer = await client.ready();
  client.close();
  // It is a problem of receivers, not of this server.
  expect(answer.status).toBe('ready');
  expect(answer.parts.find(({ name }) => name === 'webhooks')?.detail).toContain(`${id} (open)`);
  server.child.kill('SIGTERM');
  await server.finished;
  const offline = await run(home, ['doctor']);
  for (const file of setAside) expect(offline.stdout).toContain(`renamed to ${file}`);
  const again = start(home, ['serve', '--port', '0'], await databaseSetting(home));
  await again.saw('Ctrl-C');
  expect(again.output.stdout).toMatch(new RegExp(`webhooks {3}need attention: ${id}`));
});
