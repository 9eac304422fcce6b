// Chat completions, with the official client of OpenAI.

import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { startDoor, startModelDoor } from './start-door.ts';

const hello = [{ role: 'user', content: 'hello' }] as const;

test('lists the agent, alone and with each model that is ready', async () => {
  const { openai } = await startModelDoor(says('Hi.'));
  const { data } = await openai.models.list();
  expect(data.map(({ id }) => id)).toEqual(['codebuddy', 'codebuddy/local/test-model', 'codebuddy/offline']);
  for (const model of data)
    expect(model).toEqual({
      id: expect.stringMatching(/./),
      object: 'model',
      created: expect.any(Number),
      owned_by: 'codebuddy',
    });
  expect(await openai.models.retrieve('codebuddy/local/test-model')).toMatchObject({ object: 'model' });
  await expect(openai.models.retrieve('gpt-4')).rejects.toMatchObject({
    status: 404,
    code: 'model_not_found',
    param: 'model',
  });
});

test('answers with the text of the agent, its usage and a finish reason', async () => {
  const { openai, client, model } = await startModelDoor({
    kind: 'answer',
    text: 'Hi.',
    usage: { input: 30, output: 4 },
  });
  const { data, response } = await openai.chat.completions
    .create({
      model: 'codebuddy',
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'developer', content: 'Be kind.' },
        ...hello,
      ],
      temperature: 0.2,
      max_tokens: 100,
      user: 'someone',
    })
    .withResponse();
  expect(data).toEqual({
    id: expect.stringMatching(/^chatcmpl-/),
    object: 'chat.completion',
    created: expect.any(Number),
    model: 'codebuddy',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hi.', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 30, completion_tokens: 4, total_tokens: 34 },
  });
  const [request] = model.requests;
  expect(request?.system).toContain('Be short.\n\nBe kind.');
  expect(request?.toolNames).toContain('read_file');
  const runId = response.headers.get('x-codebuddy-run') ?? '';
  const sessionId = response.headers.get('x-codebuddy-session') ?? '';
  expect(await client.runs.get(runId)).toMatchObject({ sessionId, prompt: 'hello', response: 'Hi.' });
  expect(data.id.slice('chatcmpl-'.length)).toBe(runId.slice('run_'.length));
  expect(await client.sessions.get(sessionId)).toMatchObject({ origin: 'openai', title: 'hello' });
  expect((await client.sessions.list({ origin: 'openai' })).sessions).toHaveLength(1);
});

test('streams chunks: the role, the text, the end, and the usage if it is wanted', async () => {
  const { openai } = await startModelDoor({
    kind: 'answer',
    text: ['Hel', 'lo ', 'there.'],
    usage: { input: 9, output: 3 },
  });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const stream = await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [...hello],
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) chunks.push(chunk);
  const choices = chunks.map(({ choices: [choice] }) => choice);
  expect(choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
  expect(choices.map((choice) => choice?.delta.content ?? '').join('')).toBe('Hello there.');
  // The end of the text, and the usage without a choice.
  expect(choices.slice(-2)).toEqual([
    { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
    undefined,
  ]);
  expect(choices.slice(0, -2).every((choice) => choice?.finish_reason === null)).toBe(true);
  expect(chunks.at(-1)?.usage).toEqual({ prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 });
  expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  expect(
    new Set(chunks.map(({ id, object, created, model }) => [id, object, created, model].join())).size,
  ).toBe(1);
});

test('ends a stream with [DONE], and has no usage that was not asked for', async () => {
  const { request } = await startDoor();
  const response = await request('/v1/chat/completions', { messages: hello, stream: true });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const text = await response.text();
  expect(text.endsWith('\n\ndata: [DONE]\n\n')).toBe(true);
  expect(text).not.toContain('usage');
});

test('reports tools that ran as named events without choices, never as tool calls', async () => {
  const { openai, request, write } = await startModelDoor([
    calls('read_file', { path: 'a.txt' }, 'I read the file.'),
    says('It says alpha.'),
    calls('read_file', { path: 'none.txt' }),
    says('There is none.'),
    calls('read_file', { path: 'a.txt' }),
    says('Alpha.'),
  ]);
  write('a.txt', 'alpha');
  const raw = await (
    await request('/v1/chat/completions', { messages: hello, stream: true, model: 'codebuddy' })
  ).text();
  const named = raw
    .split('\n\n')
    .filter((frame) => frame.startsWith('event: '))
    .map((frame) => {
      const [name = '', data = ''] = frame.split('\n');
      return [name.slice('event: '.length), JSON.parse(data.slice('data: '.length))] as const;
    });
  expect(named.map(([name, { choices, codebuddy }]) => [name, choices, codebuddy.tool])).toEqual([
    ['tool.start', [], 'read_file'],
    ['tool.complete', [], 'read_file'],
  ]);
  expect(named[0]?.[1].codebuddy.params).toEqual({ path: 'a.txt' });

  // The client of OpenAI does not skip named events: it must find a chunk in them.
  const stream = await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [...hello],
    stream: true,
  });
  let text = '';
  for await (const { choices, object } of stream) {
    expect(object).toBe('chat.completion.chunk');
    const [choice] = choices;
    if (choice === undefined) continue;
    expect(choice.delta).not.toHaveProperty('tool_calls');
    text += choice.delta.content ?? '';
  }
  expect(text).toBe('There is none.');

  const { choices } = await openai.chat.completions.create({ model: 'codebuddy', messages: [...hello] });
  expect(choices[0]?.message).toEqual({ role: 'assistant', content: 'Alpha.', refusal: null });
});

test('parts texts of different steps by an empty line', async () => {
  const { openai, write } = await startModelDoor([
    calls('read_file', { path: 'a.txt' }, 'First.'),
    says('Then.'),
  ]);
  write('a.txt', 'alpha');
  const stream = openai.chat.completions.stream({ model: 'codebuddy', messages: [...hello] });
  expect((await stream.finalMessage()).content).toBe('First.\n\nThen.');
});

test('says `length` for an answer that a limit cut off', async () => {
  const { openai } = await startModelDoor({ kind: 'answer', text: 'Half of', finish: 'length' });
  const completion = await openai.chat.completions.create({ model: 'codebuddy', messages: [...hello] });
  expect(completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Half of' } });
});

test('uses the model that the id names', async () => {
  const { openai, model } = await startModelDoor(says('Hi.'));
  const ask = (id: string) => openai.chat.completions.create({ model: id, messages: [...hello] });
  expect((await ask('codebuddy/local/other')).model).toBe('codebuddy/local/other');
  expect(model.requests.at(-1)?.model).toBe('other');
  expect((await ask('codebuddy/offline')).choices[0]?.message.content).toContain('offline agent');
  for (const id of ['gpt-4o', 'codebuddy/nobody', 'codebuddy/nobody/model', 'codebuddy/']) {
    const error = await ask(id).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
    expect(String(error)).toContain(JSON.stringify(id));
  }
  expect(model.requests).toHaveLength(1);
});

test('cancels the run when the client aborts, with a stream and without', async () => {
  const { openai, client, model } = await startModelDoor({
    kind: 'answer',
    text: ['One ', 'two'],
    silentAfter: 1,
  });
  const stream = await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [...hello],
    stream: true,
  });
  for await (const { choices } of stream) if (choices[0]?.delta.content === 'One ') break;
  const cancelled = async (): Promise<number> =>
    (await client.runs.list({ status: 'cancelled' })).runs.length;
  await waitFor('the run is cancelled', async () => (await cancelled()) === 1);

  const stop = new AbortController();
  const asked = openai.chat.completions.create(
    { model: 'codebuddy', messages: [...hello] },
    { signal: stop.signal },
  );
  await waitFor('the model is asked', () => model.requests.length === 2);
  stop.abort();
  await expect(asked).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
  await waitFor('the run is cancelled', async () => (await cancelled()) === 2);
});

test('reports a run that fails: as an error of the request, or of the stream', async () => {
  const { openai, client } = await startModelDoor({ kind: 'error', status: 401 });
  const failed = openai.chat.completions.create({ model: 'codebuddy', messages: [...hello] });
  await expect(failed).rejects.toMatchObject({
    status: 502,
    code: 'model_auth_failed',
    type: 'server_error',
  });
  // A run may have changed something before it failed: the client must not repeat it by itself.
  const retrying = openai.withOptions({ maxRetries: 2 });
  const error = await retrying.chat.completions
    .create({ model: 'codebuddy', messages: [...hello] })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ status: 502 });
  expect((await client.runs.list()).runs).toHaveLength(2);

  const stream = await openai.chat.completions.create({
    model: 'codebuddy',
    messages: [...hello],
    stream: true,
  });
  const read = async (): Promise<void> => {
    for await (const _ of stream);
  };
  await expect(read()).rejects.toMatchObject({ code: 'model_auth_failed' });
});

test('repeats the answer to a request with the same Idempotency-Key', async () => {
  const { openai, model, client } = await startModelDoor(says('Hi.'));
  const ask = (content: string) =>
    openai.chat.completions.create(
      { model: 'codebuddy', messages: [{ role: 'user', content }] },
      { headers: { 'Idempotency-Key': 'once' } },
    );
  expect(await ask('hello')).toEqual(await ask('hello'));
  expect(model.requests).toHaveLength(1);
  expect((await client.runs.list()).runs).toHaveLength(1);
  await expect(ask('other')).rejects.toMatchObject({ status: 409, code: 'idempotency_conflict' });
});
