// triggers.json is read with the care of webhooks.json: each entry by itself, edits take effect, nothing is lost.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../cli/run-cli.ts';
import { startApp } from '../http/start-app.ts';
import { usesPostgres } from '../postgres/test-store.ts';
import { waitFor } from '../wait-for.ts';
import { github } from './senders.ts';

const good = { id: 'reviews1', source: 'github', prompt: 'x', secret: 'the-secret-of-reviews' };

test.skipIf(usesPostgres)(
  'an entry that cannot be used is shown with the reason, and stays in the file',
  async () => {
    const { client, home, url } = await startApp({ config: { watch: false } });
    const file = join(home, 'triggers.json');
    const bad = {
      id: 'brokenone',
      source: 'github',
      prompt: '{{a',
      secret: 'the-secret-of-broken',
      filter: { events: [] },
    };
    writeFileSync(file, JSON.stringify([good, bad, { source: 'x' }], undefined, 2));
    const triggers = await waitFor('the edit', async () => {
      const list = (await client.triggers.list()).triggers;
      return list.length === 3 ? list : undefined;
    });
    expect(triggers.map(({ refusal }) => refusal)).toEqual([
      expect.stringMatching(/^\/filter\/events must/),
      expect.stringContaining('it has no id'),
      null,
    ]);
    const call = await github({ url, path: '/triggers/brokenone', secret: bad.secret }, {});
    expect([call.status, call.json.code]).toEqual([409, 'trigger_refused']);
    const { stdout } = await run(home, ['doctor']);
    expect(stdout).toMatch(/triggers +3 in .*triggers\.json; .*brokenone is refused: \/filter\/events must/);
    await client.triggers.update('reviews1', { name: 'Reviews' });
    const written = JSON.parse(readFileSync(file, 'utf8'));
    expect(written).toEqual([{ ...good, name: 'Reviews' }, bad, { source: 'x' }]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    // A repaired entry is used again.
    writeFileSync(file, JSON.stringify([good, { ...bad, prompt: 'y', filter: {} }]));
    await waitFor('the repair', async () => (await client.triggers.get('brokenone')).refusal === null);
    expect((await github({ url, path: '/triggers/brokenone', secret: bad.secret }, {})).status).toBe(202);
  },
);

test.skipIf(usesPostgres)(
  'a file that appears while the server runs is used, and one that is not JSON is set aside',
  async () => {
    const { client, home, url } = await startApp({ config: { watch: false } });
    const file = join(home, 'triggers.json');
    writeFileSync(file, JSON.stringify([good]));
    expect((await github({ url, path: '/triggers/reviews1', secret: good.secret }, {})).status).toBe(202);
    writeFileSync(file, '{"half');
    await waitFor('the good state to be written back', () => readFileSync(file, 'utf8').includes('reviews1'));
    expect((await client.triggers.get('reviews1')).refusal).toBeNull();
  },
);

test('every fault of an input is named with its field', async () => {
  const { client } = await startApp({ config: { watch: false } });
  const faults = async (input: Readonly<Record<string, unknown>>): Promise<readonly string[]> => {
    const error = await client.triggers.create(input as never).then(
      () => undefined,
      (thrown: { readonly errors?: readonly { readonly pointer: string; readonly message: string }[] }) =>
        thrown,
    );
    return (error?.errors ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
  };
  expect(await faults({ source: 'slack', prompt: 'x' })).toEqual([
    '/secret is required: copy the signing secret of the Slack app',
  ]);
  expect(
    await faults({
      source: 'github',
      prompt: '{{a b}} {{$nothing}}',
      sessionKey: '{{',
      schedule: { cron: 'x' },
    }),
  ).toEqual([
    expect.stringMatching(/^\/prompt has the field "a b"; a field is a path/),
    '/sessionKey has "{{" without "}}"',
    '/schedule is for the source schedule only',
  ]);
  expect(
    await faults({ source: 'slack', secret: 'long-enough', prompt: 'x', filter: { branches: ['main'] } }),
  ).toEqual(['/filter/branches is known for github, gitlab only; use /filter/fields for the source slack']);
  expect(await faults({ source: 'schedule', prompt: '{{number}}' })).toEqual([
    '/schedule is required for the source schedule',
    '/prompt has the field number, but a schedule has no payload; use {{$time}}',
  ]);
  expect(await faults({ source: 'gitlab', prompt: 'x', secret: 'whsec_###' })).toEqual([
    '/secret must be base64 after whsec_',
  ]);
  expect(
    await faults({
      source: 'github',
      prompt: 'x',
      permissionMode: 'full',
      options: { permissionMode: 'full' },
    }),
  ).toEqual(['/permissionMode is not a known field', '/options/permissionMode is not a known field']);
});

test('triggers are created, changed and removed, and secrets are not shown again', async () => {
  const { client } = await startApp({ config: { watch: false } });
  const created = await client.triggers.create({
    source: 'github',
    prompt: 'x',
    id: 'reviews1',
    sessionKey: 'a',
  });
  expect(created.secret).toMatch(/^cbt_/);
  await expect(
    client.triggers.create({ source: 'github', prompt: 'x', id: 'reviews1' }),
  ).rejects.toMatchObject({
    code: 'trigger_exists',
  });
  expect((await client.triggers.update('reviews1', { data: ['number'] })).data).toEqual(['number']);
  const changed = await client.triggers.update('reviews1', {
    sessionKey: null,
    data: null,
    limits: { perMinute: 1 },
  });
  expect(changed).toMatchObject({ sessionKey: null, limits: { perMinute: 1, perHour: 300 } });
  expect(changed.data).toBeNull();
  expect(JSON.stringify([changed, await client.triggers.list()])).not.toContain(created.secret);
  await client.triggers.remove('reviews1');
  await expect(client.triggers.get('reviews1')).rejects.toMatchObject({ code: 'trigger_not_found' });
});
