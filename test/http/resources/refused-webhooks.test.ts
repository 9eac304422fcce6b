// Webhooks that cannot be used now, as the operator of the server sees them; and concurrent changes over HTTP.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, temporaryFolder } from '../../cli/run-cli.ts';
import { startApp } from '../start-app.ts';

const entry = { id: 'for-loopback', name: 'local', url: 'http://127.0.0.1:9999/', events: ['tool.*'] };

test('a refused webhook appears in the list, the status, readiness and doctor', async () => {
  const { home, client } = await startApp();
  const metadata = { ...entry, id: 'for-metadata', url: 'http://169.254.169.254/' };
  writeFileSync(join(home, 'webhooks.json'), JSON.stringify([entry, metadata]));
  await expect.poll(async () => (await client.webhooks.list()).webhooks.length).toBe(2);
  expect((await client.webhooks.list()).webhooks).toMatchObject([
    { id: 'for-loopback', state: { status: 'healthy' } },
    { id: 'for-metadata', state: { status: 'refused', detail: expect.stringContaining('never allowed') } },
  ]);
  expect((await client.status()).webhooks).toMatchObject({ refused: 1 });
  expect(await client.ready()).toMatchObject({
    parts: expect.arrayContaining([
      { name: 'webhooks', ready: true, detail: expect.stringContaining('refused') },
    ]),
  });
  const list = await run(home, ['webhooks', 'list']);
  expect(list.stdout).toMatch(/for-metadata +refused/);
  expect((await run(home, ['status'])).stdout).toContain('1 refused');
  const doctor = await run(home, ['doctor']);
  expect(doctor.stdout).toMatch(/FAIL +webhooks +1 refused/);
  await expect(client.webhooks.test('for-metadata')).rejects.toMatchObject({ code: 'webhook_refused' });
});

test('doctor reports what serve would refuse, and changes nothing', async () => {
  const home = temporaryFolder();
  const text = JSON.stringify([entry, { ...entry, id: 'too-short', secret: 'short' }]);
  writeFileSync(join(home, 'webhooks.json'), text);
  const fine = await run(home, ['doctor']);
  expect(fine.stdout).toMatch(/FAIL +webhooks +2 in .*too-short \(\/secret/);
  expect(fine.stdout).not.toContain('for-loopback (');
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ host: '0.0.0.0' }));
  const strict = await run(home, ['doctor']);
  expect(strict.stdout).toMatch(/for-loopback \(\/url/);
  expect(readFileSync(join(home, 'webhooks.json'), 'utf8')).toBe(text);
});

test('concurrent rotations and updates over HTTP all take effect', async () => {
  const { client, home } = await startApp();
  const { id } = await client.webhooks.create({ url: entry.url, headers: { Authorization: 'Bearer x' } });
  const [rotations] = await Promise.all([
    Promise.all(Array.from({ length: 20 }, () => client.webhooks.rotateSecret(id, {}))),
    Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        // Like a form: everything that was shown is sent back.
        const { headers } = await client.webhooks.get(id);
        await client.webhooks.update(id, { description: `${i}`, headers });
      }),
    ),
  ]);
  const [stored] = JSON.parse(readFileSync(join(home, 'webhooks.json'), 'utf8')) as Record<string, unknown>[];
  expect(rotations.map(({ secret }) => secret)).toContain(stored?.secret);
  expect(stored).toMatchObject({ headers: { Authorization: 'Bearer x' } });
  // The current secret is the one of the last rotation.
  const last = await client.webhooks.rotateSecret(id, {});
  expect(JSON.parse(readFileSync(join(home, 'webhooks.json'), 'utf8'))).toMatchObject([
    { secret: last.secret },
  ]);
});

test('creating a webhook with a known URL names the others', async () => {
  const { client, home } = await startApp();
  const first = await client.webhooks.create({ url: entry.url });
  expect(first.sameUrlAs).toEqual([]);
  expect((await client.webhooks.create({ url: entry.url })).sameUrlAs).toEqual([first.id]);
  const added = await run(home, ['webhooks', 'create', entry.url]);
  expect(added.stderr).toContain('already send');
});
