// What the OpenAI-compatible routes refuse, and the form of their errors.

import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startDoor, startModelDoor } from './start-door.ts';

const messages = [{ role: 'user', content: 'hello' }];
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** The error of an answer, which must have exactly the form of the OpenAI API. */
async function errorOf(response: Response): Promise<Refusal> {
  // biome-ignore lint/suspicious/noExplicitAny: checked below.
  const body = (await response.json()) as any;
  expect(Object.keys(body)).toEqual(['error']);
  expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(response.headers.get('content-type')).toContain('application/json');
  return { status: response.status, ...body.error };
}

const chatParameters: readonly (readonly [name: string, value: unknown])[] = [
  ['tools', [{ type: 'function', function: { name: 'f', parameters: {} } }]],
  ['functions', [{ name: 'f' }]],
  ['function_call', { name: 'f' }],
  ['tool_choice', 'required'],
  ['n', 2],
  ['logprobs', true],
  ['top_logprobs', 2],
  ['response_format', { type: 'grammar' }],
  ['response_format', { type: 'json_schema', json_schema: { name: 'a' } }],
  ['stop', ['\n']],
  ['stop', 'END'],
  ['modalities', ['text', 'audio']],
  ['audio', { voice: 'alloy', format: 'wav' }],
  ['logit_bias', { 50256: -100 }],
  ['prediction', { type: 'content', content: 'a' }],
  ['web_search_options', {}],
];
const responseParameters: typeof chatParameters = [
  ['tools', [{ type: 'function', name: 'f', parameters: {} }]],
  ['tools', [{ type: 'web_search' }]],
  ['tool_choice', { type: 'function', name: 'f' }],
  ['top_logprobs', 2],
  ['text', { format: { type: 'grammar' } }],
  ['conversation', 'conv_1'],
  ['prompt', { id: 'pmpt_1' }],
  ['max_tool_calls', 3],
  ['truncation', 'middle'],
];

test('a parameter that cannot be honoured is refused by its name, and nothing is started', async () => {
  const { request, client } = await startDoor();
  const refused = async (path: string, body: object, name: string): Promise<void> => {
    const error = await errorOf(await request(path, body));
    expect(error, JSON.stringify(body)).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      code: 'unsupported_parameter',
      param: name,
    });
    expect(error.message.startsWith(`${name} `), error.message).toBe(true);
    expect(error.message.endsWith('.'), error.message).toBe(true);
  };
  for (const [name, value] of chatParameters)
    await refused('/v1/chat/completions', { messages, [name]: value }, name);
  for (const [name, value] of responseParameters)
    await refused('/v1/responses', { input: 'hello', [name]: value }, name);
  await refused('/v1/responses', { input: 'hello', include: ['nothing'] }, 'include[0]');
  expect((await client.runs.list()).runs).toEqual([]);
});

test('harmless values of these parameters and hints for the model are accepted', async () => {
  const { request } = await startDoor();
  const harmless = {
    n: 1,
    tools: [],
    tool_choice: 'auto',
    response_format: { type: 'text' },
    logprobs: false,
    stop: null,
    stream: null,
    stream_options: null,
    modalities: ['text'],
    temperature: 0,
    top_p: 1,
    seed: 1,
    frequency_penalty: 0,
    reasoning_effort: 'low',
    parallel_tool_calls: true,
    service_tier: 'auto',
    store: false,
    metadata: { a: 'b' },
    x_unknown: 1,
  };
  expect((await request('/v1/chat/completions', { messages, ...harmless })).status).toBe(200);
  const others = { text: { format: { type: 'text' }, verbosity: 'low' }, truncation: 'auto', tools: [] };
  const include = ['reasoning.encrypted_content'];
  expect((await request('/v1/responses', { input: 'hi', include, ...others })).status).toBe(200);
});

test('an invalid message is refused with its place', async () => {
  const { request } = await startDoor();
  const refused = async (given: unknown) =>
    errorOf(await request('/v1/chat/completions', { messages: given }));
  const withPart = (part: unknown) =>
    refused([{ role: 'user', content: [{ type: 'text', text: 'see' }, part] }]);
  const param = 'messages[0].content[1]';
  expect(await withPart(image)).toMatchObject({ status: 415, code: 'unsupported_file_type', param });
  expect(
    await withPart({ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }),
  ).toMatchObject({
    status: 400,
    code: 'unsupported_parameter',
    param,
    message: expect.stringContaining('as a data: URL'),
  });
  expect(await withPart({ type: 'input_audio', input_audio: {} })).toMatchObject({
    status: 400,
    code: 'unsupported_parameter',
    param,
    message: expect.stringContaining('has the type "input_audio"'),
  });
  expect(await refused([{ role: 'robot', content: 'a' }])).toMatchObject({
    status: 400,
    code: 'invalid_value',
    param: 'messages[0].role',
  });
  for (const given of [
    [],
    [{ role: 'user', content: ' ' }],
    [...messages, { role: 'assistant', content: 'Hi.' }],
  ])
    expect(await refused(given)).toMatchObject({ status: 400, code: 'invalid_value', param: 'messages' });
  expect(await refused('hello')).toMatchObject({
    param: 'messages',
    message: expect.stringMatching(/^messages must be a list of /),
  });

  const input = async (items: unknown) => errorOf(await request('/v1/responses', { input: items }));
  expect(
    await input([{ role: 'user', content: [{ type: 'input_image', image_url: 'https://a.example/' }] }]),
  ).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'input[0].content[0]' });
  expect(await input([{ type: 'item_reference', id: 'msg_1' }])).toMatchObject({
    status: 400,
    param: 'input[0]',
  });
  expect(await input([{ role: 'robot', content: 'a' }])).toMatchObject({ param: 'input[0].role' });
  expect(await input('  ')).toMatchObject({ status: 400, param: 'input' });
});

test('every error below /v1 has the form of the OpenAI API', async () => {
  const { request, client, url, key } = await startDoor();
  expect(await errorOf(await fetch(`${url}/v1/models`))).toMatchObject({
    status: 401,
    type: 'authentication_error',
    code: 'invalid_api_key',
    message: expect.stringContaining('API key required'),
  });
  const reader = await client.keys.create({ name: 'reader', scopes: ['read'] });
  const asReader = { authorization: `Bearer ${reader.key}` };
  expect(await errorOf(await fetch(`${url}/v1/models`, { headers: asReader }))).toMatchObject({
    status: 403,
    type: 'permission_error',
    code: 'insufficient_scope',
  });
  expect(await errorOf(await request('/v1/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
  expect(await errorOf(await request('/v1/models', {}))).toMatchObject({
    status: 405,
    code: 'method_not_allowed',
  });
  expect(await errorOf(await request('/v1/responses/resp_none'))).toMatchObject({
    status: 404,
    code: 'response_not_found',
  });
  const session = { 'x-codebuddy-session': 'ses_01M8N5Y446YEW9Z66QJYVXWXK5' };
  expect(await errorOf(await request('/v1/chat/completions', { messages }, session))).toMatchObject({
    status: 404,
    code: 'session_not_found',
  });
  const post = (body: string, type = 'application/json') =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${key}`, 'content-type': type },
    });
  expect(await errorOf(await post('{'))).toMatchObject({ status: 400, code: 'invalid_body' });
  expect(await errorOf(await post('a', 'text/plain'))).toMatchObject({ status: 415 });
  expect(await errorOf(await post(JSON.stringify({ messages, large: 'a'.repeat(2 ** 20) })))).toMatchObject({
    status: 413,
    code: 'body_too_large',
  });
  const foreign = { authorization: `Bearer ${key}`, origin: 'https://example.org' };
  expect(
    await errorOf(await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: foreign })),
  ).toMatchObject({ status: 403, code: 'origin_not_allowed' });
  expect((await fetch(`${url}/api/nothing`, { headers: asReader })).headers.get('content-type')).toBe(
    'application/problem+json',
  );
  for (let tries = 0; tries < 20; tries++)
    await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer wrong-${tries}` } });
  const limited = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer wrong' } });
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await errorOf(limited)).toMatchObject({
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
  });
});

test('a foreign Host and a malformed request are refused in the same form', async () => {
  const { url, key } = await startDoor();
  const answerTo = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
    });
  const head = (host: string) =>
    `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nConnection: close\r\n`;
  const misdirected = await answerTo(`${head('evil.example')}Content-Length: 2\r\n\r\n{}`);
  expect(misdirected).toContain('421 ');
  expect(misdirected).toContain('"code":"misdirected_request"');
  expect(misdirected).toContain('{"error":{"message":');
  const malformed = await answerTo(`${head('127.0.0.1')}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  expect(malformed).toContain('400 ');
  expect(malformed).toContain('{"error":{"message":');
});

test('a full queue is a 429 with Retry-After', async () => {
  const config = { maxActiveRuns: 1, maxQueuedRuns: 1 };
  const { request, client } = await startModelDoor({ kind: 'silence' }, { config });
  const runs = [await client.runs.start({ prompt: 'one' }), await client.runs.start({ prompt: 'two' })];
  const full = await request('/v1/chat/completions', { messages });
  expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await errorOf(full)).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  for (const { id } of runs.reverse()) await client.runs.cancel(id);
});
