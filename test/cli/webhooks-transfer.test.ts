// `codebuddy webhooks export` and `import`, with the files and the database that the program itself makes.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { emptyPostgresUrl } from '../postgres/postgres-url.ts';
import { waitFor } from '../wait-for.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes 123').toString('base64')}`;
const list = [
  { id: 'webhook-one', url: 'https://example.org/one', events: ['*'], secret, name: 'one \u202e' },
  { id: 'webhook-two', url: 'https://example.org/two', events: ['run.*'], enabled: false },
];

function write(home: string, name: string, content: unknown): string {
  const path = join(home, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

async function outcomeOf(home: string, args: readonly string[], env = {}) {
  const { code, stdout, stderr } = await run(home, ['webhooks', 'import', ...args, '--json'], { env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('webhooks go from a home to a database and back, with their secrets', async () => {
  const env = { DATABASE_URL: await emptyPostgresUrl() };
  const home = temporaryFolder();
  const source = write(home, 'webhooks.json', list);
  const file = join(home, 'exported.json');
  expect(await run(home, ['webhooks', 'export', file])).toMatchObject({
    code: 0,
    stdout: '',
    stderr: `Wrote 2 webhooks with secrets to ${file}.\n`,
  });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(list);
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);

  const all = list.map(({ id }) => id);
  const nothing = { created: [], updated: [], unchanged: [] };
  expect(await outcomeOf(home, [file, '--dry-run'], env)).toEqual({ ...nothing, created: all, dryRun: true });
  expect(await outcomeOf(home, [file], env)).toEqual({ ...nothing, created: all, dryRun: false });
  expect(await outcomeOf(home, [file], env)).toEqual({ ...nothing, unchanged: all, dryRun: false });
  const changed = write(home, 'changed.json', { webhooks: [{ ...list[1], enabled: true }] });
  const text = await run(home, ['webhooks', 'import', changed], { env });
  expect(text.stdout).toBe('updated  webhook-two\n1 webhook: 0 created, 1 updated, 0 unchanged.\n');

  const back = await run(home, ['webhooks', 'export', '-'], { env });
  expect(JSON.parse(back.stdout)).toEqual([list[0], { ...list[1], enabled: true }]);
  const other = temporaryFolder();
  const piped = await run(other, ['webhooks', 'import', '-'], { input: back.stdout });
  expect(piped).toMatchObject({ code: 0, stdout: expect.stringContaining('2 created') });
  expect(JSON.parse(readFileSync(join(other, 'webhooks.json'), 'utf8'))).toEqual(JSON.parse(back.stdout));
  expect(JSON.parse(readFileSync(source, 'utf8')), 'the source is unchanged').toEqual(list);
});

test('a running server takes over what is imported, and keeps its other webhooks', async () => {
  const home = temporaryFolder();
  await serve(home);
  const client = new CodeBuddyClient({ home });
  const own = await client.webhooks.create({ url: 'https://example.org/own' });
  expect(await outcomeOf(home, [write(home, 'list.json', list)])).toMatchObject({
    created: ['webhook-one', 'webhook-two'],
  });
  const { webhooks } = await waitFor('the imported webhooks', async () => {
    const found = await client.webhooks.list();
    return found.webhooks.length === 3 && found;
  });
  client.close();
  expect(webhooks.map(({ id }) => id).sort()).toEqual([own.id, 'webhook-one', 'webhook-two'].sort());
});

test('every invalid entry is named, and nothing is imported', async () => {
  const home = temporaryFolder();
  const bad = write(home, 'bad.json', [
    list[0],
    { id: 'webhook-bad', url: 'ftp://example.org', events: ['nonsense'] },
    { url: 'https://example.org' },
    'text',
    list[0],
  ]);
  const finished = await run(home, ['webhooks', 'import', bad]);
  expect(finished.code).toBe(1);
  expect(finished.stderr).toMatch(/^codebuddy: Nothing was imported:\n/);
  for (const line of [
    /Entry 2 \(webhook-bad\): \/url .*; \/events\/0 must be an event type/,
    /Entry 3: \/id must be 8 to 64 letters/,
    /Entry 4: it must be an object\./,
    /Entry 5 \(webhook-one\): an earlier entry has the same id\./,
  ])
    expect(finished.stderr).toMatch(line);
  expect(finished.stderr).not.toContain(secret);
  expect(statSync(join(home, 'webhooks.json'), { throwIfNoEntry: false })).toBeUndefined();
  for (const [content, fault] of [
    ['{', /is not JSON/],
    ['{"a": 1}', /must contain a list of webhooks/],
  ] as const) {
    const { stderr } = await run(home, ['webhooks', 'import', '-'], { input: content });
    expect(stderr).toMatch(fault);
  }
  const missing = await run(home, ['webhooks', 'import', 'none.json']);
  expect(missing.stderr).toMatch(/none\.json cannot be read/);
});
