// The Responses API, with the official client of OpenAI.

import type OpenAI from 'openai';
import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { startDoor, startModelDoor } from './start-door.ts';

const model = 'codebuddy';

async function idsOf(openai: OpenAI, ...inputs: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const input of inputs) {
    const previous = ids.at(-1);
    const { id } = await openai.responses.create({
      model,
      input,
      ...(previous === undefined ? {} : { previous_response_id: previous }),
    });
    ids.push(id);
  }
  return ids;
}

test('answers with a response, which can be retrieved later', async () => {
  const {
    openai,
    client,
    model: server,
  } = await startModelDoor({
    kind: 'answer',
    text: 'Hi.',
    usage: { input: 30, output: 4 },
  });
  const response = await openai.responses.create({ model, input: 'hello', instructions: 'Be short.' });
  expect(response).toMatchObject({
    id: expect.stringMatching(/^resp_/),
    object: 'response',
    status: 'completed',
    model: 'codebuddy',
    error: null,
    instructions: 'Be short.',
    output_text: 'Hi.',
    output: [
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hi.', annotations: [] }],
      },
    ],
    usage: { input_tokens: 30, output_tokens: 4, total_tokens: 34 },
  });
  expect(server.requests[0]?.system).toContain('Be short.');
  const run = await client.runs.get(response.id.replace('resp_', 'run_'));
  expect(await client.sessions.get(run.sessionId)).toMatchObject({ origin: 'openai' });
  const stored = await openai.responses.retrieve(response.id);
  expect(stored).toMatchObject({ id: response.id, status: 'completed', output: response.output });
  const { data } = await openai.responses.inputItems.list(response.id);
  expect(data).toMatchObject([{ role: 'user', content: [{ type: 'input_text', text: 'hello' }] }]);
  await expect(openai.responses.retrieve('resp_none')).rejects.toMatchObject({
    status: 404,
    code: 'response_not_found',
  });
});

test('streams the events of the Responses API in their order', async () => {
  const { openai, write } = await startModelDoor([
    calls('read_file', { path: 'a.txt' }, 'I look.'),
    says(['It says ', 'alpha.']),
  ]);
  write('a.txt', 'alpha');
  const types: string[] = [];
  const numbers: number[] = [];
  const stream = openai.responses.stream({ model, input: 'hello' });
  for await (const event of stream) {
    types.push(event.type);
    numbers.push(event.sequence_number);
  }
  expect(numbers).toEqual(numbers.map((_, index) => index));
  const message = (deltas: number): readonly string[] => [
    'response.output_item.added',
    'response.content_part.added',
    ...Array<string>(deltas).fill('response.output_text.delta'),
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
  ];
  const withoutRepeats = types.filter((type, index) => type !== types[index - 1]);
  expect(withoutRepeats).toEqual([
    'response.created',
    'response.in_progress',
    ...message(1),
    'response.output_item.added',
    'response.mcp_call.in_progress',
    'response.mcp_call.completed',
    'response.output_item.done',
    ...message(1),
    'response.completed',
  ]);
  const final = await stream.finalResponse();
  expect(final.output.map(({ type }) => type)).toEqual(['message', 'mcp_call', 'message']);
  expect(final.output_text).toBe('I look.It says alpha.');
  // The same when it is read later.
  const stored = await openai.responses.retrieve(final.id);
  expect(stored.output).toEqual((await openai.responses.retrieve(final.id)).output);
  expect(stored.output.map(({ id, type }) => [id, type])).toEqual(
    final.output.map(({ id, type }) => [id, type]),
  );
});

test('tools that ran are completed items: `mcp_call`, or the pair that the client asks for', async () => {
  const { openai, write } = await startModelDoor([
    calls('read_file', { path: 'a.txt' }),
    says('Alpha.'),
    calls('read_file', { path: 'a.txt' }),
    calls('read_file', { path: 'none.txt' }),
    says('Alpha.'),
    calls('read_file', { path: 'a.txt' }),
    says('Alpha.'),
  ]);
  write('a.txt', 'alpha');
  const { output } = await openai.responses.create({ model, input: 'hello' });
  expect(output[0]).toMatchObject({
    type: 'mcp_call',
    status: 'completed',
    server_label: 'codebuddy',
    name: 'read_file',
    arguments: '{"path":"a.txt"}',
    output: expect.stringContaining('"content":"alpha"'),
    error: null,
  });
  // Not a value that the client's types know.
  const include: never[] = JSON.parse('["function_call_output"]');
  const pairs = await openai.responses.create({ model, input: 'hello', include });
  expect(pairs.output.map((item) => [item.type, 'call_id' in item && item.call_id])).toEqual([
    ['function_call', expect.stringMatching(/./)],
    ['function_call_output', expect.stringMatching(/./)],
    ['function_call', expect.stringMatching(/./)],
    ['function_call_output', expect.stringMatching(/./)],
    ['message', false],
  ]);
  expect(pairs.output[1]).toMatchObject({ status: 'completed' });
  const [call, result] = pairs.output;
  expect(call !== undefined && 'call_id' in call && call.call_id).toBe(
    result !== undefined && 'call_id' in result && result.call_id,
  );
  const stream = openai.responses.stream({ model, input: 'hello', include });
  const final = await stream.finalResponse();
  expect(final.output.map(({ type }) => type)).toEqual(['function_call', 'function_call_output', 'message']);
});

test('previous_response_id continues the conversation', async () => {
  const { openai, client, model: server } = await startModelDoor([says('One.'), says('Two.')]);
  const ids = await idsOf(openai, 'first', 'second');
  const texts = server.requests.at(-1)?.messages.map(({ role, text }) => `${role}: ${text}`);
  expect(texts).toEqual(['user: first', 'assistant: One.', 'user: second']);
  expect((await client.sessions.list()).sessions).toHaveLength(1);
  const response = await openai.responses.create({
    model,
    input: 'third',
    previous_response_id: ids[1] ?? null,
  });
  expect(response.previous_response_id).toBe(ids[1]);
});

test('previous_response_id of an earlier response continues from there, in a fork', async () => {
  const {
    openai,
    client,
    model: server,
  } = await startModelDoor(({ messages }) => says(`Answer to ${messages.at(-1)?.text}.`));
  const [first = ''] = await idsOf(openai, 'one', 'two', 'three');
  await openai.responses.create({ model, input: 'another two', previous_response_id: first });
  expect(server.requests.at(-1)?.messages.map(({ text }) => text)).toEqual([
    'one',
    'Answer to one.',
    'another two',
  ]);
  const { sessions } = await client.sessions.list();
  expect(
    sessions.map(({ messageCount, origin, forkedFrom }) => [messageCount, origin, forkedFrom !== null]),
  ).toEqual([
    [4, 'openai', true],
    [6, 'openai', false],
  ]);
});

test('previous_response_id is refused if there is no such response, or it has not ended', async () => {
  const { openai, client } = await startModelDoor({ kind: 'silence' });
  const after = (id: string) => openai.responses.create({ model, input: 'next', previous_response_id: id });
  for (const id of ['resp_none', 'chatcmpl-1', 'resp_01M8N5Y446YEW9Z66QJYVXWXK5'])
    await expect(after(id)).rejects.toMatchObject({
      status: 404,
      code: 'response_not_found',
      param: 'previous_response_id',
    });
  const { id } = await openai.responses.create({ model, input: 'hello', background: true });
  await expect(after(id)).rejects.toMatchObject({
    status: 400,
    code: 'invalid_value',
    param: 'previous_response_id',
  });
  expect((await client.runs.list()).runs).toHaveLength(1);
  await openai.responses.cancel(id);
});

test('a background response is answered at once, outlives its request and can be cancelled', async () => {
  const { openai, client, model: server } = await startModelDoor([says('Done.'), { kind: 'silence' }]);
  const queued = await openai.responses.create({ model, input: 'hello', background: true });
  expect(queued).toMatchObject({ status: 'queued', background: true, output: [] });
  const done = await waitFor('the response is complete', async () => {
    const response = await openai.responses.retrieve(queued.id);
    return response.status === 'completed' && response;
  });
  expect(done.output_text).toBe('Done.');
  expect(await openai.responses.cancel(queued.id)).toMatchObject({ status: 'completed' });

  const stop = new AbortController();
  const stream = await openai.responses.create(
    { model, input: 'again', background: true, stream: true },
    { signal: stop.signal },
  );
  let id = '';
  for await (const event of stream) {
    if (event.type === 'response.created') id = event.response.id;
    if (event.type === 'response.in_progress') break;
  }
  stop.abort();
  await waitFor('the model is asked', () => server.requests.length === 2);
  expect(await openai.responses.retrieve(id)).toMatchObject({ status: 'in_progress' });
  expect(await openai.responses.cancel(id)).toMatchObject({ status: 'cancelled' });
  expect((await client.runs.list({ status: 'cancelled' })).runs).toHaveLength(1);
});

test('a response is cancelled when its client leaves', async () => {
  const { openai, client, model: server } = await startModelDoor({ kind: 'silence' });
  const stop = new AbortController();
  const asked = openai.responses.create({ model, input: 'hello' }, { signal: stop.signal });
  await waitFor('the model is asked', () => server.requests.length === 1);
  stop.abort();
  await expect(asked).rejects.toThrow();
  await waitFor('it is cancelled', async () => (await client.runs.list()).runs[0]?.status === 'cancelled');
});

test('a response that fails says why', async () => {
  const { openai } = await startModelDoor({ kind: 'error', status: 401 });
  await expect(openai.responses.create({ model, input: 'hello' })).rejects.toMatchObject({
    status: 502,
    code: 'model_auth_failed',
  });
  const { id } = await openai.responses.create({ model, input: 'hello', background: true });
  const failed = await waitFor('it fails', async () => {
    const response = await openai.responses.retrieve(id);
    return response.status === 'failed' && response;
  });
  expect(failed.error).toMatchObject({ code: 'model_auth_failed' });
  const types: string[] = [];
  for await (const event of await openai.responses.create({ model, input: 'hello', stream: true }))
    types.push(event.type);
  expect(types.at(-1)).toBe('response.failed');
});

test('an answer that a limit cut off is incomplete', async () => {
  const { openai } = await startModelDoor({ kind: 'answer', text: 'Half of', finish: 'length' });
  expect(await openai.responses.create({ model, input: 'hello' })).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output_text: 'Half of',
  });
});

test('the input may be a conversation of items', async () => {
  const { openai, model: server } = await startModelDoor(says('Done.'));
  await openai.responses.create({
    model,
    input: [
      { role: 'developer', content: 'Be short.' },
      { role: 'user', content: [{ type: 'input_text', text: 'the weather?' }] },
      { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'Sunny.' },
      {
        type: 'mcp_call',
        id: 'mcp_1',
        server_label: 'codebuddy',
        name: 'read_file',
        arguments: '{"path":"a"}',
        output: 'alpha',
      },
      { role: 'assistant', content: 'Sunny.' },
      { role: 'user', content: 'and tomorrow?' },
    ],
  });
  const [request] = server.requests;
  expect(request?.system).toContain('Be short.');
  expect(request?.messages.flatMap(({ toolResults }) => toolResults.map(({ text }) => text))).toEqual([
    'Sunny.',
    'alpha',
  ]);
  expect(request?.messages.at(-1)?.text).toBe('and tomorrow?');
});

test('a response is deleted with its session, unless that has others', async () => {
  const { openai, client } = await startDoor();
  const [first = '', second = ''] = await idsOf(openai, 'help', 'help');
  await expect(openai.responses.delete(first)).rejects.toMatchObject({
    status: 409,
    message: expect.stringContaining('DELETE /api/sessions/ses_'),
  });
  expect(await openai.responses.retrieve(second)).toMatchObject({ status: 'completed' });
  const [only = ''] = await idsOf(openai, 'help');
  await openai.responses.delete(only);
  await expect(openai.responses.retrieve(only)).rejects.toMatchObject({ status: 404 });
  expect((await client.sessions.list()).sessions).toHaveLength(1);
});
