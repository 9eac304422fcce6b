// A tool that needs a permission in the middle of an answer.

import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { type StartedDoor, startModelDoor } from './start-door.ts';

const replies = [calls('write_file', { path: 'a.txt', content: 'alpha' }), says('Written.')];
const messages = [{ role: 'user' as const, content: 'write it' }];

async function pending({ client }: StartedDoor): Promise<string> {
  return waitFor(
    'a permission is asked for',
    async () => (await client.permissions.list()).permissions[0]?.id,
  );
}

test('a stream waits for the decision, with a comment that names the permission and its URL', async () => {
  const door = await startModelDoor(replies, { config: { permissionMode: 'ask' } });
  const { request, client, url } = door;
  const answer = request('/v1/chat/completions', { messages, stream: true }).then((response) =>
    response.text(),
  );
  const id = await pending(door);
  await client.permissions.decide(id, { decision: 'allow' });
  const text = await answer;
  expect(text).toContain(
    `\n: waiting for the permission ${id} to use write_file; decide with POST ${url}/api/permissions/${id}\n`,
  );
  expect(text).toContain('event: permission.request\n');
  expect(text).toContain('event: permission.resolved\n');
  expect(text).toContain('"content":"Written."');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('a streamed response waits, too', async () => {
  const door = await startModelDoor(replies, { config: { permissionMode: 'ask' } });
  const { openai, client } = door;
  const stream = openai.responses.stream({ model: 'codebuddy', input: 'write it' });
  const id = await pending(door);
  await client.permissions.decide(id, { decision: 'allow' });
  expect((await stream.finalResponse()).output_text).toBe('Written.');
});

test('without a stream, the error names the permission and its URL, and the run continues after the decision', async () => {
  const door = await startModelDoor(replies, { config: { permissionMode: 'ask' } });
  const { openai, client, url } = door;
  const retrying = openai.withOptions({ maxRetries: 2 });
  const error = await retrying.chat.completions
    .create({ model: 'codebuddy', messages })
    .catch((thrown: unknown) => thrown);
  const id = await pending(door);
  expect(error).toMatchObject({
    status: 403,
    code: 'permission_required',
    type: 'permission_error',
    message: expect.stringContaining(`${url}/api/permissions/${id}`),
  });
  // Not repeated by the client: there is one run, which waits.
  const { runs } = await client.runs.list();
  expect(runs.map(({ status }) => status)).toEqual(['waiting']);
  const [, responseId = ''] = /\/v1\/responses\/(resp_\w+)/.exec(String(error)) ?? [];
  expect(await openai.responses.retrieve(responseId)).toMatchObject({ status: 'in_progress' });
  await client.permissions.decide(id, { decision: 'allow' });
  const done = await waitFor('the response is complete', async () => {
    const response = await openai.responses.retrieve(responseId);
    return response.status === 'completed' && response;
  });
  expect(done.output_text).toBe('Written.');
});

test('a client that leaves while a permission is asked for cancels the run', async () => {
  const door = await startModelDoor(replies, { config: { permissionMode: 'ask' } });
  const { openai, client } = door;
  const stop = new AbortController();
  const stream = await openai.chat.completions.create(
    { model: 'codebuddy', messages, stream: true },
    { signal: stop.signal },
  );
  await pending(door);
  stop.abort();
  for await (const _ of stream);
  await waitFor(
    'the run is cancelled',
    async () => (await client.runs.list()).runs[0]?.status === 'cancelled',
  );
});
