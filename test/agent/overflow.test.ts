// A conversation that exceeds the model's context: every form of the error, before an answer and within one.

import { describe, expect, it } from 'vitest';
import { isContextOverflow } from '../../src/agent/models/context-overflow.ts';
import { readError } from '../../src/agent/models/read-error.ts';
import { type ModelReply, type ModelRequest, type Replies, startModelServer } from './model-server.ts';
import { startAgent } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

/** Server, status, and body or message. context-overflow.ts has the sources. */
const forms: readonly (readonly [who: string, status: number, said: string | object])[] = [
  [
    'OpenAI',
    400,
    {
      error: {
        message: "This model's maximum context length is 128000 tokens.",
        code: 'context_length_exceeded',
      },
    },
  ],
  [
    'OpenAI responses',
    400,
    {
      error: {
        message: 'Your input exceeds the context window of this model.',
        code: 'context_length_exceeded',
      },
    },
  ],
  ['OpenAI, by its code alone', 400, { error: { message: 'Bad request', code: 'context_length_exceeded' } }],
  [
    'OpenAI, tokens a minute',
    429,
    {
      error: {
        message: 'Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000.',
        code: 'rate_limit_exceeded',
      },
    },
  ],
  [
    'Anthropic',
    400,
    {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' },
    },
  ],
  [
    'Anthropic, with max_tokens',
    400,
    'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000',
  ],
  [
    'Anthropic 413',
    413,
    { type: 'error', error: { type: 'request_too_large', message: 'Request exceeds the maximum size' } },
  ],
  ['Bedrock', 400, { message: 'Input is too long for requested model.' }],
  [
    'Gemini',
    400,
    [
      {
        error: {
          code: 400,
          message: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
          status: 'INVALID_ARGUMENT',
        },
      },
    ],
  ],
  [
    'Mistral',
    400,
    {
      object: 'error',
      message: 'Prompt contains 40000 tokens, too large for model with 32768 maximum context length',
      type: 'invalid_request_error',
      code: '3051',
    },
  ],
  ['Groq', 400, 'Please reduce the length of the messages or completion.'],
  [
    'Groq 413',
    413,
    {
      error: {
        message: 'Request too large for model `x` in organization `y` on tokens per minute',
        type: 'tokens',
        code: 'rate_limit_exceeded',
      },
    },
  ],
  [
    'xAI',
    400,
    {
      code: 'Client specified an invalid argument',
      error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    },
  ],
  ['Kimi', 400, 'Invalid request: Your request exceeded model token limit: 131072'],
  [
    'Qwen',
    400,
    { error: { code: 'invalid_parameter_error', message: 'Range of input length should be [1, 98304]' } },
  ],
  ['Z.ai', 400, 'Prompt has more than max tokens allowed'],
  [
    'OpenRouter',
    400,
    {
      error: {
        message: 'Provider returned error',
        code: 400,
        metadata: { raw: '{"error":{"message":"prompt is too long"}}' },
      },
    },
  ],
  ['OpenRouter, of its own', 400, 'input is over the maximum allowed input length of 65536 tokens'],
  ['Together', 400, "The input is longer than the model's context length"],
  ['MiniMax', 400, 'invalid params, context window exceeds limit (2013)'],
  [
    'Copilot',
    400,
    {
      error: {
        message: 'prompt token count of 150000 exceeds the limit of 128000',
        code: 'model_max_prompt_tokens_exceeded',
      },
    },
  ],
  ['Cerebras', 400, 'Please reduce. Current length is 9000 while limit is 8192'],
  ['Cerebras without a body', 413, ''],
  [
    'vLLM',
    400,
    {
      object: 'error',
      message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
      code: 400,
    },
  ],
  [
    'llama.cpp',
    400,
    {
      error: {
        code: 400,
        message: 'the request exceeds the available context size. try increasing the context size',
        type: 'exceed_context_size_error',
        n_ctx: 4096,
      },
    },
  ],
  [
    'LM Studio',
    400,
    {
      error:
        'Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens',
    },
  ],
  ['LM Studio, later', 400, { error: 'Context size has been exceeded.' }],
  ['Ollama', 400, { error: 'the input is longer than the context length' }],
  [
    'LiteLLM',
    400,
    {
      error: {
        message: 'litellm.ContextWindowExceededError: litellm.BadRequestError',
        type: 'ContextWindowExceededError',
        code: '400',
      },
    },
  ],
  [
    'a gateway, as JSON in its text',
    400,
    {
      error: {
        message:
          '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 1 > 0"}}',
      },
    },
  ],
  ['an edge server', 413, '<html><h1>413 Request Entity Too Large</h1></html>'],
];

const bodyOf = (said: string | object): string =>
  typeof said === 'string'
    ? said.startsWith('<') || said === ''
      ? said
      : JSON.stringify({ error: { message: said } })
    : JSON.stringify(said);

const raw = (status: number, body: string, type = 'application/json'): ModelReply => ({
  kind: 'raw',
  status,
  headers: { 'content-type': type },
  body,
});

const isSummary = ({ system }: ModelRequest): boolean => system.startsWith('Summarize the conversation');

/** A prompt, a step, and then a server that answers "too long" until the request changes. */
function full(refusal: ModelReply): Replies {
  let refused: string | undefined;
  return (request) => {
    if (isSummary(request)) return says('SUMMARY');
    if (!JSON.stringify(request.messages).includes('again')) return says('first answer');
    const body = JSON.stringify(request.body);
    if (refused === body) throw new Error('the same request came again');
    if (refused !== undefined) return says('went on');
    refused = body;
    return refusal;
  };
}

describe('an overflow is recognized by its status, its code or its message', () => {
  it.each(forms)('%s', async (_who, status, said) => {
    const { prompt, server, agent } = await startModelAgent(full(raw(status, bodyOf(said))));
    const { sessionId } = await prompt('once '.repeat(200));
    expect((await prompt('again', {}, sessionId)).response).toBe('went on');
    expect(server.requests.filter(isSummary)).toHaveLength(1);
    expect((await agent.runs.list({ limit: 5 })).items.map(({ status: state }) => state)).toEqual([
      'completed',
      'completed',
    ]);
  });

  it.each(forms.filter(([, , said]) => said !== '' && !(typeof said === 'string' && said.startsWith('<'))))(
    '%s, inside a stream that began with 200',
    async (_who, _status, said) => {
      const event = typeof said === 'string' ? { error: { message: said } } : said;
      const body = `data: ${JSON.stringify(Array.isArray(event) ? event[0] : 'error' in event ? event : { error: event })}\n\n`;
      const { prompt, server } = await startModelAgent(full(raw(200, body, 'text/event-stream')));
      const { sessionId } = await prompt('once '.repeat(200));
      expect((await prompt('again', {}, sessionId)).response).toBe('went on');
      expect(server.requests.filter(isSummary)).toHaveLength(1);
    },
  );

  it.each([
    [
      'OpenAI responses',
      'openai/gpt-test',
      'OPENAI',
      'event: error\ndata: {"type":"error","sequence_number":0,"error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"Your input exceeds the context window of this model.","param":"input"}}\n\n',
    ],
    [
      'OpenAI responses, failed',
      'openai/gpt-test',
      'OPENAI',
      'event: response.failed\ndata: {"type":"response.failed","sequence_number":0,"response":{"id":"r","status":"failed","error":{"code":"context_length_exceeded","message":"Your input exceeds the context window"},"incomplete_details":null,"usage":null}}\n\n',
    ],
    [
      'Anthropic',
      'anthropic/claude-test',
      'ANTHROPIC',
      'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 2 tokens > 1 maximum"}}\n\n',
    ],
  ])('in an error event of %s', async (_who, model, prefix, body) => {
    const server = await startModelServer(full(raw(200, body, 'text/event-stream')));
    const { prompt } = await startAgent({
      models: [model],
      environment: { [`${prefix}_API_KEY`]: 'k', [`${prefix}_BASE_URL`]: `${server.url}/v1` },
    });
    const { sessionId } = await prompt('once '.repeat(200));
    expect((await prompt('again', {}, sessionId)).response).toBe('went on');
    expect(server.requests.filter(isSummary)).toHaveLength(1);
  });
});

it('when the answer ends for lack of room, without any text', async () => {
  const chunk = (choice: object): string =>
    `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, ...choice }] })}\n\n`;
  const body =
    chunk({ delta: { role: 'assistant', content: '' } }) +
    chunk({ delta: {}, finish_reason: 'model_context_window_exceeded' });
  const { prompt, server } = await startModelAgent(full(raw(200, body, 'text/event-stream')));
  const { sessionId } = await prompt('once '.repeat(200));
  expect((await prompt('again', {}, sessionId)).response).toBe('went on');
  expect(server.requests.filter(isSummary)).toHaveLength(1);
});

it('an empty answer to a nearly full conversation leads to a summary', async () => {
  const { prompt, server } = await startModelAgent(full({ kind: 'answer' }), { contextWindow: 8000 });
  const { sessionId } = await prompt('word '.repeat(3500));
  expect((await prompt('again', {}, sessionId)).response).toBe('went on');
  expect(server.requests.filter(isSummary)).toHaveLength(1);
});

it('in the middle of an answer, too', async () => {
  const body = `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'I begin' } }] })}\n\ndata: {"error":"Context size has been exceeded."}\n\n`;
  const { prompt } = await startModelAgent(full(raw(200, body, 'text/event-stream')));
  const { sessionId } = await prompt('once '.repeat(200));
  expect((await prompt('again', {}, sessionId)).response).toBe('went on');
});

it.each([
  [
    'one field that is too long',
    {
      error: {
        message:
          "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
        code: 'string_above_max_length',
      },
    },
  ],
  [
    'too many tools',
    { error: { message: "Invalid 'tools': array too long. Expected an array with maximum length 128." } },
  ],
  ['a rate limit', { error: { message: 'Rate limit reached: too many tokens, please wait' } }],
  ['anything else', { error: { message: 'temperature is not supported with this model' } }],
])('%s is not an overflow', (_what, body) => {
  const facts = readError(
    Object.assign(new Error('x'), {
      name: 'AI_APICallError',
      statusCode: 400,
      responseBody: JSON.stringify(body),
    }),
  );
  expect(facts && isContextOverflow(facts)).toBe(false);
});

it('any 400 leads to one summary if the conversation is nearly full, else to none', async () => {
  const bad: ModelReply = { kind: 'error', status: 400, message: 'Bad Request' };
  const small = await startModelAgent(full(bad));
  const { sessionId } = await small.prompt('once');
  await expect(small.prompt('again', {}, sessionId)).rejects.toMatchObject({ code: 'model_refused' });
  expect(small.server.requests.filter(isSummary)).toHaveLength(0);

  const nearly = await startModelAgent(full(bad), { contextWindow: 8000 });
  const first = await nearly.prompt('word '.repeat(3500));
  expect((await nearly.prompt('again', {}, first.sessionId)).response).toBe('went on');
  expect(nearly.server.requests.filter(isSummary)).toHaveLength(1);

  const always = await startModelAgent(
    (request) => (isSummary(request) ? says('S') : request.messages.length < 2 ? says('ok') : bad),
    { contextWindow: 8000 },
  );
  const second = await always.prompt('word '.repeat(3500));
  await expect(always.prompt('again', {}, second.sessionId)).rejects.toMatchObject({ code: 'model_refused' });
  expect(always.server.requests.filter(isSummary)).toHaveLength(1);
});

it('a request that is too long is never repeated unchanged; if nothing can be omitted, the run fails', async () => {
  const seen = new Set<string>();
  const { prompt } = await startModelAgent((request) => {
    const body = JSON.stringify(request.body);
    expect(seen.has(body)).toBe(false);
    seen.add(body);
    return { kind: 'error', status: 400, message: 'prompt is too long' };
  });
  await expect(prompt('a prompt that is too long by itself')).rejects.toMatchObject({
    code: 'context_too_long',
  });
  expect(seen.size).toBe(1);
});

it('of too long results, the newest are truncated first and stay so', async () => {
  let limit = Number.POSITIVE_INFINITY;
  const { prompt, server, write } = await startModelAgent(
    (request) => {
      if (isSummary(request)) return says('SUMMARY');
      if (JSON.stringify(request.body).length > limit)
        return { kind: 'error', status: 400, message: 'prompt is too long' };
      const at = request.messages.findLastIndex(({ role }) => role === 'user');
      return request.messages.length - at > 1 ? says('read') : calls('read_file', { path: 'big.txt' });
    },
    { contextWindow: 40_000 },
  );
  write('big.txt', Array.from({ length: 6000 }, (_, n) => `line ${n}\n`).join(''));
  const { sessionId } = await prompt('one');
  const first = server.requests.at(-1)?.messages.at(-1)?.toolResults[0]?.text as string;
  limit = JSON.stringify(server.requests.at(-1)?.body).length + 30_000;
  await prompt('two', {}, sessionId);
  const results =
    server.requests.at(-1)?.messages.flatMap(({ toolResults }) => toolResults.map(({ text }) => text)) ?? [];
  // The older one is as it was.
  expect(results[0] === first).toBe(true);
  expect(results[1]?.length).toBeLessThan(first.length);
  expect(results[1]).toMatch(/line 0\\n[\s\S]*read on with offset \d+[\s\S]*line 5999/);
  expect(server.requests.filter(isSummary)).toHaveLength(0);
  limit = Number.POSITIVE_INFINITY;
  await prompt('three', {}, sessionId);
  const later =
    server.requests.at(-1)?.messages.flatMap(({ toolResults }) => toolResults.map(({ text }) => text)) ?? [];
  expect(later.slice(0, 2).every((text, index) => text === results[index])).toBe(true);
});

it('a summary request that is too long is repeated with less', async () => {
  const lengths: number[] = [];
  const { prompt } = await startModelAgent((request) => {
    const length = JSON.stringify(request.messages).length;
    if (!isSummary(request)) {
      return request.messages.length > 2 && !JSON.stringify(request.messages).includes('SUMMARY')
        ? { kind: 'error', status: 400, message: 'prompt is too long' }
        : says('ok');
    }
    lengths.push(length);
    return length > 8000 ? { kind: 'error', status: 400, message: 'prompt is too long' } : says('SUMMARY');
  });
  const { sessionId } = await prompt('word '.repeat(8000));
  expect((await prompt('again', {}, sessionId)).response).toBe('ok');
  expect(lengths.length).toBeGreaterThan(1);
  expect(lengths.at(-1)).toBeLessThan(8000);
});

it('three large results share the space that the model can read', async () => {
  const { prompt, server, write } = await startModelAgent(
    ({ messages }) =>
      messages.length > 1
        ? says('all read')
        : {
            kind: 'answer',
            toolCalls: ['a', 'b', 'c'].map((name) => ({
              name: 'read_file',
              arguments: { path: `${name}.txt` },
            })),
          },
    { contextWindow: 128_000 },
  );
  for (const name of ['a', 'b', 'c'])
    write(`${name}.txt`, Array.from({ length: 25_000 }, (_, n) => `${name} ${n}\n`).join(''));
  expect((await prompt('read all')).response).toBe('all read');
  const results =
    server.requests.at(-1)?.messages.flatMap(({ toolResults }) => toolResults.map(({ text }) => text)) ?? [];
  expect(results).toHaveLength(3);
  const length = results.reduce((sum, text) => sum + text.length, 0);
  // At four characters a token.
  expect(length / 4).toBeLessThan(128_000 / 2);
  expect(length / 4).toBeGreaterThan(128_000 / 8);
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    const result = JSON.parse(results[index] as string) as { content: string; truncated: boolean };
    expect(result.truncated).toBe(true);
    expect(result.content.startsWith(`${name} 0\n`)).toBe(true);
    expect(result.content.endsWith(`${name} 24999\n`)).toBe(true);
    const next = Number(/read on with offset (\d+)/.exec(result.content)?.[1]);
    expect(result.content).toContain(`\n${name} ${next - 2}\n[…`);
  }
});

it('a line longer than its share is read by other means than an offset', async () => {
  const { prompt, server, write } = await startModelAgent(
    ({ messages }) => (messages.length > 1 ? says('read') : calls('read_file', { path: 'one-line.json' })),
    { contextWindow: 10_000 },
  );
  write('one-line.json', `["${'x'.repeat(100_000)}"]`);
  await prompt('go');
  const text = server.requests.at(-1)?.messages.at(-1)?.toolResults[0]?.text ?? '';
  expect(text.length).toBeLessThan(0.35 * 10_000 * 4 + 500);
  expect(text).toContain('head -c');
  expect(text).not.toContain('offset');
});

it('a small result leaves its share to a large one', async () => {
  const { prompt, server, write } = await startModelAgent(
    ({ messages }) =>
      messages.length > 1
        ? says('read')
        : {
            kind: 'answer',
            toolCalls: [
              { name: 'write_file', arguments: { path: 'x', content: 'x' } },
              { name: 'read_file', arguments: { path: 'big.txt' } },
            ],
          },
    { contextWindow: 20_000 },
  );
  write('big.txt', 'word\n'.repeat(5000));
  await prompt('go');
  const results =
    server.requests.at(-1)?.messages.flatMap(({ toolResults }) => toolResults.map(({ text }) => text)) ?? [];
  expect(results[1]?.length).toBeGreaterThan(0.3 * 20_000 * 4 * 0.7);
});
