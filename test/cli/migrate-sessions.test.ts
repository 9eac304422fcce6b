// `codebuddy migrate` with the work of sessions in the middle: what waits goes on after the move, and what is kept is
// found again.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { InboxItem } from '../../src/client/index.ts';
import { startMcpHttpServer } from '../agent/mcp-http-server.ts';
import { startModelServer } from '../agent/model-server.ts';
import { pngOf } from '../agent/sample-files.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { type StartedApp, startApp } from '../http/start-app.ts';
import { emptyPostgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { startTcpProxy } from '../postgres/tcp-proxy.ts';
import { waitFor } from '../wait-for.ts';
import { run } from './run-cli.ts';

const weather = {
  name: 'get_weather',
  description: 'The weather in a city.',
  schema: { type: 'object', properties: { city: { type: 'string' } } },
};

function idOf(item: InboxItem | undefined): string {
  if (item === undefined) return '';
  if (item.kind === 'permission') return item.permission.id;
  return item.kind === 'question' ? item.question.id : item.toolCall.id;
}

async function itemOf({ client }: StartedApp, runId: string): Promise<InboxItem> {
  return waitFor('an item in the inbox', async () => (await client.inbox.list({ runId })).items[0]);
}

test('runs that wait, files, undos, archived and chosen sessions, search, MCP servers and limits survive the move', async () => {
  const tracker = await startMcpHttpServer();
  const model = await startModelServer(({ messages }) => {
    const last = messages.at(-1);
    const [, name, content] = /^write (\S+) (.*)$/.exec(last?.text ?? '') ?? [];
    if (name !== undefined) return calls('write_file', { path: name, content });
    if (last?.text === 'question') return calls('ask_user', { question: 'Which?', choices: ['a', 'b'] });
    if (last?.text === 'permission') return calls('bash', { command: 'echo moved > by-command.txt' });
    if (last?.text === 'tool') return calls('get_weather', { city: 'Bern' });
    return says('Noted.');
  });
  const config = {
    models: ['local/m'],
    providers: { local: { baseURL: `${model.url}/v1`, can: { vision: true } } },
    permissionMode: 'auto-edit',
    watch: false,
  };
  const before = await startApp({ config });
  const { client, workspace, home } = before;
  const read = (name: string): string => readFileSync(join(workspace, name), 'utf8');

  const image = pngOf(8, 8);
  const [used, unused] = [
    await client.uploads.create(image, { name: 'shot.png' }),
    await client.uploads.create(Buffer.from('für später'), { name: 'later.txt' }),
  ];
  await client.prompt({
    prompt: 'A xylophone is on the picture.',
    sessionId: 'ticket-1',
    createSession: true,
    parts: [{ type: 'image', fileId: used.id }],
  });
  await client.sessions.addMessage('ticket-1', 'It is a marimba.');
  await client.sessions.update('ticket-1', { archived: true });

  before.write('kept.txt', 'as it was\n');
  const { sessionId } = await client.prompt('write kept.txt changed');
  await client.prompt({ prompt: 'write made.txt made', sessionId });
  await client.sessions.undo(sessionId);
  expect([existsSync(join(workspace, 'made.txt')), read('kept.txt')]).toEqual([false, 'changed']);
  const changes = (await client.sessions.changes(sessionId)).changes;

  const runs = {
    question: await client.runs.start({ prompt: 'question' }),
    permission: await client.runs.start({ prompt: 'permission' }),
    tool: await client.runs.start({ prompt: 'tool', tools: [weather] }),
  };
  for (const { id } of Object.values(runs)) await itemOf(before, id);
  const steered = await client.runs.steer(runs.permission.id, 'And then tidy up.');
  const { items } = await client.inbox.list();
  await client.mcpServers.add({
    name: 'tracker',
    server: { url: tracker.url, headers: { authorization: 'Bearer of-the-tracker' } },
  });
  const { id: keyId } = await client.keys.create({
    name: 'ci',
    scopes: ['read'],
    limits: { requestsPerMinute: 77, promptsPerMinute: 5 },
  });
  const [{ limits } = { limits: undefined }] = (await client.keys.list()).keys;
  await before.app.stop();
  const asked = model.requests.length;

  const to = await emptyPostgresUrl();
  const moved = await run(home, ['migrate', '--to', to, '--json']);
  expect(moved.code, moved.stderr).toBe(0);
  expect(JSON.parse(moved.stdout).rows).toMatchObject({
    questions: 3,
    mcp_servers: 1,
    keys: 1,
    undos: 1,
    files: 2,
  });
  const after = await startApp({
    config,
    folder: dirname(home),
    environment: { DATABASE_URL: `${to}?max=4` },
  });
  const there = after.client;

  // What waits has its id and its time, and is answered.
  for (const { id } of Object.values(runs))
    await waitFor('the run to wait', async () => (await there.runs.get(id)).status === 'waiting');
  expect((await there.inbox.list()).items).toEqual(items);
  const waitingFor = (runId: string): string =>
    idOf(
      items.find((item) =>
        item.kind === 'permission'
          ? item.permission.runId === runId
          : item.kind === 'question'
            ? item.question.runId === runId
            : item.toolCall.runId === runId,
      ),
    );
  await there.inbox.answer(waitingFor(runs.question.id), { answer: 'b' });
  await there.permissions.decide(waitingFor(runs.permission.id), { decision: 'allow' });
  await there.inbox.giveResult(waitingFor(runs.tool.id), { result: { celsius: 21 } });
  for (const { id } of Object.values(runs))
    await waitFor(
      'the run to complete',
      async () => (await there.runs.get(id)).status === 'completed',
      async () => there.runs.get(id),
    );
  const sent = model.requests.slice(asked).map(({ messages }) => JSON.stringify(messages));
  expect(sent).toHaveLength(3);
  for (const text of ['\\"b\\"', 'exitCode', '21'])
    expect(sent.filter((one) => one.includes(text))).not.toEqual([]);
  expect(read('by-command.txt')).toBe('moved\n');
  // The message that waited is in the next step, once.
  const withSteer = sent.filter((one) => one.includes('And then tidy up.'));
  expect(withSteer).toHaveLength(1);
  expect(withSteer[0]?.split('And then tidy up.')).toHaveLength(2);
  const { events } = await there.events.list({ runId: runs.permission.id, limit: 100 });
  expect(events.filter(({ type }) => type === 'run.steered').map(({ data }) => data)).toMatchObject([
    { messageId: steered.messageId },
  ]);
  for (const type of ['permission.request', 'permission.resolved', 'tool.complete', 'run.complete'])
    expect(events.filter((event) => event.type === type)).toHaveLength(1);

  // The undo is taken back, and the first prompt undone, from the copies of the files.
  expect((await there.sessions.changes(sessionId)).changes).toEqual(changes);
  const redone = await there.sessions.redo(sessionId);
  expect(redone.files).toMatchObject([{ path: 'made.txt', outcome: 'restored' }]);
  expect(read('made.txt')).toBe('made');
  for (const outcome of ['removed', 'restored'])
    expect((await there.sessions.undo(sessionId)).files).toMatchObject([{ outcome }]);
  expect([existsSync(join(workspace, 'made.txt')), read('kept.txt')]).toEqual([false, 'as it was\n']);

  expect(Buffer.compare(await there.uploads.content(used.id), image)).toBe(0);
  expect(await there.uploads.get(unused.id)).toEqual(unused);
  await there.prompt({ prompt: 'read it', parts: [{ type: 'file', fileId: unused.id }] });
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('für später');

  expect((await there.sessions.list({ archived: 'true' })).sessions.map(({ id }) => id)).toEqual([
    'ticket-1',
  ]);
  expect((await there.sessions.list()).sessions.map(({ id }) => id)).not.toContain('ticket-1');
  for (const [q, count] of [
    ['xylophone', 1],
    ['marimba', 1],
    ['bassoon', 0],
  ] as const)
    expect((await there.sessions.search({ q, archived: 'all' })).hits).toHaveLength(count);
  await expect(there.sessions.create({ id: 'ticket-1' })).rejects.toMatchObject({ code: 'session_exists' });
  await there.prompt({ prompt: 'Go on.', sessionId: 'ticket-1', createSession: true });
  const conversation = JSON.stringify(model.requests.at(-1)?.body);
  for (const text of ['A xylophone', 'It is a marimba.', image.toString('base64')])
    expect(conversation).toContain(text);
  expect(await there.sessions.get('ticket-1')).toMatchObject({ archived: false });

  expect(await there.tools.run('tracker__echo')).toMatchObject({ result: { content: expect.any(String) } });
  expect(tracker.headers.at(-1)?.authorization).toBe('Bearer of-the-tracker');
  expect((await there.keys.list()).keys).toMatchObject([{ id: keyId, limits }]);
});

test('a move that was interrupted starts again if only the settings of a key, or the uploads, have changed', async () => {
  const to = await emptyPostgresUrl();
  const proxy = await startTcpProxy((await startPostgres()).port);
  const before = await startApp();
  await before.client.prompt('list *');
  const { id } = await before.client.keys.create({ name: 'k', scopes: ['read'] });
  const old = await before.client.uploads.create(Buffer.from('old'), { name: 'HALFWAY.txt' });
  await before.app.stop();
  // Files come after keys.
  void proxy.breakAt('toServer', 'HALFWAY');
  expect((await run(before.home, ['migrate', '--to', proxy.through(to)])).code).toBe(1);

  const again = await startApp({ folder: dirname(before.home) });
  await again.client.keys.update(id, { limits: { requestsPerMinute: 7 } });
  await again.client.uploads.delete(old.id);
  const replaced = await again.client.uploads.create(Buffer.from('new'), { name: 'new.txt' });
  await again.app.stop();
  const moved = await run(before.home, ['migrate', '--to', to]);
  expect(moved.code, moved.stderr).toBe(0);
  const after = await startApp({ folder: dirname(before.home), environment: { DATABASE_URL: to } });
  expect((await after.client.keys.list()).keys).toMatchObject([{ id, limits: { requestsPerMinute: 7 } }]);
  expect(await after.client.uploads.get(replaced.id)).toEqual(replaced);
  await expect(after.client.uploads.get(old.id)).rejects.toMatchObject({ code: 'upload_not_found' });
});
