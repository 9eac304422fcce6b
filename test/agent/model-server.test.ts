// The model server against the real AI SDK providers: what a test says is answered is what each of them understands, however the bytes
// arrive; and what goes wrong on purpose goes wrong for the client the way it does with the real providers.

import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createXai } from '@ai-sdk/xai';
import {
  APICallError,
  generateText,
  type LanguageModel,
  type ModelMessage,
  streamText,
  type TextStreamPart,
  type ToolSet,
} from 'ai';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type ModelAnswer, type ModelReply, startModelServer, type WireFormat } from './model-server.ts';
import { writeBody } from './model-server-body.ts';
import { type Frame, inPieces } from './model-server-wire.ts';

const apiKey = 'not-a-key';

interface Provider {
  readonly name: string;
  readonly format: WireFormat;
  model(url: string): LanguageModel;
}

const providers: readonly Provider[] = [
  {
    name: '@ai-sdk/openai',
    format: 'openai-responses',
    model: (url) => createOpenAI({ apiKey, baseURL: `${url}/v1` })('test-model'),
  },
  {
    name: '@ai-sdk/openai chat',
    format: 'openai',
    model: (url) => createOpenAI({ apiKey, baseURL: `${url}/v1` }).chat('test-model'),
  },
  {
    name: '@ai-sdk/openai-compatible',
    format: 'openai',
    model: (url) =>
      createOpenAICompatible({ name: 'local', apiKey, baseURL: `${url}/v1`, includeUsage: true })(
        'test-model',
      ),
  },
  {
    name: '@ai-sdk/anthropic',
    format: 'anthropic',
    model: (url) => createAnthropic({ apiKey, baseURL: `${url}/v1` })('test-model'),
  },
  {
    name: '@ai-sdk/google',
    format: 'google',
    model: (url) => createGoogle({ apiKey, baseURL: `${url}/v1beta` })('test-model'),
  },
  {
    name: '@ai-sdk/xai',
    format: 'openai-responses',
    model: (url) => createXai({ apiKey, baseURL: `${url}/v1` })('test-model'),
  },
];

// Plain objects: what `tool()` returns for a tool without `execute` is no ToolSet under exactOptionalPropertyTypes.
const tools: ToolSet = {
  read_file: {
    description: 'Reads a file.',
    inputSchema: z.object({
      path: z.string(),
      lines: z.array(z.object({ from: z.number(), isWhole: z.boolean(), note: z.string().nullable() })),
    }),
  },
  list_files: { description: 'Lists files.', inputSchema: z.object({ glob: z.string().optional() }) },
};

const input = { path: 'src/ünïcode "✓" 🧪.ts', lines: [{ from: 3, isWhole: true, note: null }] };

/** Everything at once: text of several bytes a character, two tool calls, one of them in pieces. */
const fullAnswer: ModelAnswer = {
  kind: 'answer',
  text: ['I’ll ', 'look: ✓ ', '🧪\n\ndata: {"not":"an event"}\r\n'],
  toolCalls: [
    { id: 'call_a', name: 'read_file', arguments: input, pieces: 7 },
    { id: 'call_b', name: 'list_files', arguments: {} },
  ],
  usage: { input: 321, output: 45 },
};
const fullText = 'I’ll look: ✓ 🧪\n\ndata: {"not":"an event"}\r\n';

interface Seen {
  readonly parts: readonly TextStreamPart<ToolSet>[];
  /** What reading the stream threw, or its error part. */
  readonly error: unknown;
}

async function ask(model: LanguageModel, abortSignal?: AbortSignal): Promise<Seen> {
  const result = streamText({
    model,
    prompt: 'Hello',
    tools,
    maxRetries: 0,
    maxOutputTokens: 1_000,
    onError: () => {},
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  const parts: TextStreamPart<ToolSet>[] = [];
  let thrown: unknown;
  try {
    for await (const part of result.stream) parts.push(part);
  } catch (error) {
    thrown = error;
  }
  return { parts, error: thrown ?? only(parts, 'error')[0]?.error };
}

function only<Type extends TextStreamPart<ToolSet>['type']>(
  parts: readonly TextStreamPart<ToolSet>[],
  type: Type,
): readonly Extract<TextStreamPart<ToolSet>, { type: Type }>[] {
  return parts.filter((part): part is Extract<typeof part, { type: Type }> => part.type === type);
}

function textOf(parts: readonly TextStreamPart<ToolSet>[]): string {
  return only(parts, 'text-delta')
    .map(({ text }) => text)
    .join('');
}

describe.each(providers)('$name', ({ format, model }) => {
  test.each([
    ['at once', {}],
    ['cut at every byte', { splitBytes: 1 }],
    ['cut every seven bytes', { splitBytes: 7 }],
  ])('a streamed answer is understood, arriving %s', async (_how, pace) => {
    const server = await startModelServer({ ...fullAnswer, ...pace });
    const { parts, error } = await ask(model(server.url));
    expect(error).toBeUndefined();
    expect(textOf(parts)).toBe(fullText);
    expect(only(parts, 'text-delta').map(({ text }) => text)).toEqual(fullAnswer.text);
    expect(
      only(parts, 'tool-call').map(({ toolCallId, toolName, input }) => ({ toolCallId, toolName, input })),
    ).toEqual([
      { toolCallId: 'call_a', toolName: 'read_file', input },
      { toolCallId: 'call_b', toolName: 'list_files', input: {} },
    ]);
    const pieces = only(parts, 'tool-input-delta').filter(({ id }) => id === 'call_a');
    expect(JSON.parse(pieces.map((piece) => piece.delta).join(''))).toEqual(input);
    expect(pieces.length).toBeGreaterThanOrEqual(7);
    expect(only(parts, 'finish')).toMatchObject([
      { finishReason: 'tool-calls', totalUsage: { inputTokens: 321, outputTokens: 45, totalTokens: 366 } },
    ]);
  });

  test('an answer that is not streamed is understood', async () => {
    const server = await startModelServer({ ...fullAnswer, splitBytes: 1 });
    const prompt = {
      model: model(server.url),
      prompt: 'Hello',
      tools,
      maxRetries: 0,
      maxOutputTokens: 1_000,
    };
    const result = await generateText(prompt);
    expect(result.text).toBe(fullText);
    expect(result.toolCalls.map((call) => [call.toolCallId, call.toolName, call.input])).toEqual([
      ['call_a', 'read_file', input],
      ['call_b', 'list_files', {}],
    ]);
    expect(result.usage).toMatchObject({ inputTokens: 321, outputTokens: 45 });
    expect(result.finishReason).toBe('tool-calls');
    expect(server.requests[0]?.isStream).toBe(false);
  });

  test('the conversation, the tools and the instructions are seen the same in every format', async () => {
    const server = await startModelServer([fullAnswer, { kind: 'answer', text: 'Done.' }]);
    const asked: ModelMessage[] = [{ role: 'user', content: 'What is in it?' }];
    const common = {
      model: model(server.url),
      instructions: 'Be brief.',
      tools,
      maxRetries: 0,
      maxOutputTokens: 1_000,
    };
    const answered = await streamText({ ...common, messages: asked }).responseMessages;
    const results: ModelMessage = {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId: 'call_a',
          toolName: 'read_file',
          output: { type: 'text', value: 'Contents.' },
        },
        {
          type: 'tool-result',
          toolCallId: 'call_b',
          toolName: 'list_files',
          output: { type: 'json', value: ['a.ts'] },
        },
      ],
    };
    const second = streamText({ ...common, messages: [...asked, ...answered, results] });
    expect(await second.text).toBe('Done.');
    expect(server.requests[0]).toMatchObject({
      format,
      model: 'test-model',
      isStream: true,
      system: 'Be brief.',
      messages: [{ role: 'user', text: 'What is in it?', toolCalls: [], toolResults: [] }],
      toolNames: ['read_file', 'list_files'],
    });
    expect(JSON.stringify(server.requests[0]?.headers)).toContain(apiKey);
    expect(server.requests[1]?.messages).toEqual([
      { role: 'user', text: 'What is in it?', toolCalls: [], toolResults: [] },
      {
        role: 'assistant',
        text: expect.stringContaining('look: ✓ 🧪'),
        toolCalls: [
          { id: 'call_a', name: 'read_file' },
          { id: 'call_b', name: 'list_files' },
        ],
        toolResults: [],
      },
      {
        role: 'tool',
        text: '',
        toolCalls: [],
        toolResults: [
          { id: 'call_a', text: 'Contents.' },
          { id: 'call_b', text: '["a.ts"]' },
        ],
      },
    ]);
  });

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content-filter'],
  ] as const)('the finish reason %s is understood', async (finish, expected) => {
    const server = await startModelServer({ kind: 'answer', text: 'So far', finish });
    const { parts } = await ask(model(server.url));
    expect(only(parts, 'finish')).toMatchObject([{ finishReason: expected }]);
  });

  test('arguments that are not JSON make an invalid tool call, not a failed answer', async () => {
    const call = { id: 'call_a', name: 'read_file', arguments: '{"path": "src', pieces: 3 };
    const server = await startModelServer({ kind: 'answer', toolCalls: [call] });
    const { parts, error } = await ask(model(server.url));
    expect(error).toBeUndefined();
    expect(only(parts, 'tool-call')).toMatchObject([
      { toolCallId: 'call_a', input: '{"path": "src', invalid: true },
    ]);
    expect(only(parts, 'tool-error')).toMatchObject([
      { toolCallId: 'call_a', error: expect.stringContaining('JSON parsing failed') },
    ]);
  });

  test.each([
    [401, {}],
    [429, { 'retry-after': '7' }],
    [500, {}],
    [503, {}],
  ])('an error %i carries its status, message and headers', async (status, headers) => {
    const server = await startModelServer({ kind: 'error', status, headers, message: 'Not now.' });
    const { error } = await ask(model(server.url));
    if (!APICallError.isInstance(error)) throw new Error(`not an APICallError: ${String(error)}`);
    expect(error.statusCode).toBe(status);
    expect(error.message).toBe('Not now.');
    expect(error.responseHeaders).toMatchObject(headers);
    expect(error.isRetryable).toBe(status !== 401);
    // Only an error in the provider's own shape is parsed.
    expect(error.data).toBeDefined();
  });

  test('an answer cut off in the middle fails and can be retried', async () => {
    const text = inPieces('word '.repeat(500), 500);
    const server = await startModelServer({ kind: 'answer', text, cutAfterBytes: 20_000 });
    const { parts, error } = await ask(model(server.url));
    if (!APICallError.isInstance(error)) throw new Error(`not an APICallError: ${String(error)}`);
    expect(error.isRetryable).toBe(true);
    expect(textOf(parts)).toMatch(/^(word )+/);
    expect(only(parts, 'finish')).toEqual([]);
  });

  test('an answer that falls silent can be given up', async () => {
    const server = await startModelServer({
      kind: 'answer',
      text: ['One ', 'two ', 'three'],
      silentAfter: 2,
    });
    const leaving = new AbortController();
    const asked = ask(model(server.url), leaving.signal);
    await expect.poll(() => server.requests.length).toBe(1);
    expect(server.requests[0]?.isClosed()).toBe(false);
    // The two deltas were sent as soon as the request was taken; only silence can be waited for now.
    setTimeout(() => leaving.abort(), 150);
    const { parts } = await asked;
    expect(textOf(parts)).toBe('One two ');
    expect(parts.at(-1)?.type).toBe('abort');
    await expect.poll(() => server.requests[0]?.isClosed()).toBe(true);
  });
});

describe('replies', () => {
  test('a list is used up in order, then its last one repeats', async () => {
    const server = await startModelServer([
      { kind: 'answer', text: 'one' },
      { kind: 'answer', text: 'two' },
    ]);
    expect([await chat(server.url), await chat(server.url), await chat(server.url)]).toEqual([
      'one',
      'two',
      'two',
    ]);
    server.reply({ kind: 'answer', text: 'three' });
    expect(await chat(server.url)).toBe('three');
    expect(server.requests).toHaveLength(4);
  });

  test('a function sees the request and its number', async () => {
    const server = await startModelServer(async (request, number) => ({
      kind: 'answer',
      text: `${number}: ${request.messages[0]?.text}`,
    }));
    expect([await chat(server.url, 'a'), await chat(server.url, 'b')]).toEqual(['1: a', '2: b']);
  });

  test('what a test got wrong is said to its client', async () => {
    const server = await startModelServer(() => {
      throw new Error('no such reply');
    });
    const response = await post(`${server.url}/v1/chat/completions`, {});
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('no such reply')]);
    expect((await post(`${server.url}/v2/chat/completions`, {})).status).toBe(404);
    const broken = await fetch(`${server.url}/v1/messages`, { method: 'POST', body: '{' });
    expect([broken.status, await broken.json()]).toMatchObject([400, { type: 'error' }]);
  });

  test('a raw reply is sent as it is', async () => {
    const headers = { 'content-type': 'text/html', 'x-served-by': 'proxy' };
    const server = await startModelServer({ kind: 'raw', status: 502, headers, body: '<html>' });
    const response = await post(`${server.url}/v1/messages`, {});
    expect([response.status, response.headers.get('x-served-by'), await response.text()]).toEqual([
      502,
      'proxy',
      '<html>',
    ]);
  });

  test('the models it has are listed to whoever looks for a local server', async () => {
    const server = await startModelServer(undefined, { models: ['qwen3-coder', 'gpt-oss'] });
    const openAi = await (await fetch(`${server.url}/v1/models`)).json();
    expect(openAi).toMatchObject({ object: 'list', data: [{ id: 'qwen3-coder' }, { id: 'gpt-oss' }] });
    const ollama = await (await fetch(`${server.url}/api/tags`)).json();
    expect(ollama).toMatchObject({ models: [{ name: 'qwen3-coder' }, { name: 'gpt-oss' }] });
    expect(server.requests).toEqual([]);
  });

  test('usage is streamed to OpenAI’s clients only if they ask for it', async () => {
    const server = await startModelServer({ kind: 'answer', text: 'x' });
    const url = `${server.url}/v1/chat/completions`;
    const without = await (await post(url, { stream: true })).text();
    expect(without).not.toContain('usage');
    expect(without).toMatch(/data: \[DONE\]\n\n$/);
    const asked = { stream: true, stream_options: { include_usage: true } };
    expect(await (await post(url, asked)).text()).toContain('"usage":{"prompt_tokens":10,');
  });
});

describe('the way an answer arrives', () => {
  test('chunks of as many bytes as asked for', async () => {
    const server = await startModelServer();
    const sizes = async (splitBytes: number): Promise<readonly number[]> => {
      server.reply({ kind: 'answer', text: 'Ünïcode ✓', splitBytes });
      // Not `fetch`, which joins what it has not read yet.
      const asked = request(`${server.url}/v1/messages`, { method: 'POST' }).end('{"stream":true}');
      const [response]: IncomingMessage[] = await once(asked, 'response');
      const chunks: number[] = [];
      response?.on('data', (chunk: Buffer) => chunks.push(chunk.length));
      await new Promise((resolve) => response?.once('end', resolve));
      return chunks;
    };
    const ones = await sizes(1);
    expect(new Set(ones)).toEqual(new Set([1]));
    const sevens = await sizes(7);
    expect(new Set(sevens.slice(0, -1))).toEqual(new Set([7]));
    expect(sevens).toHaveLength(Math.ceil(ones.length / 7));
  });

  test.each([0, 1, 333])('cut off after exactly %i bytes', async (cutAfterBytes) => {
    const server = await startModelServer({ kind: 'answer', text: 'x'.repeat(1_000), cutAfterBytes });
    const response = await post(`${server.url}/v1/messages`, { stream: true });
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of bodyOf(response)) bytes += chunk.length;
    };
    await expect(read()).rejects.toThrow('terminated');
    expect(bytes).toBe(cutAfterBytes);
  });

  test('cut and split and paced at once', async () => {
    const server = await startModelServer({
      kind: 'answer',
      text: inPieces('x'.repeat(100), 10),
      gapMs: 1,
      splitBytes: 10,
      cutAfterBytes: 1_005,
    });
    const response = await post(`${server.url}/v1/messages`, { stream: true });
    let bytes = 0;
    await expect(async () => {
      for await (const chunk of bodyOf(response)) bytes += chunk.length;
    }).rejects.toThrow('terminated');
    expect(bytes).toBe(1_005);
  });

  test('nothing before the delay, and a gap between deltas', async () => {
    const server = await startModelServer({ kind: 'answer', text: ['a', 'b', 'c'], delayMs: 60, gapMs: 40 });
    const start = performance.now();
    const response = await post(`${server.url}/v1beta/models/m:streamGenerateContent?alt=sse`, {});
    // Timers may fire a millisecond early.
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    expect((await chunkSizes(response)).length).toBeGreaterThanOrEqual(3);
    expect(performance.now() - start).toBeGreaterThanOrEqual(60 + 2 * 40 - 3);
  });

  test('a client that leaves is noticed while nothing is answered', async () => {
    const silences: readonly ModelReply[] = [
      { kind: 'silence' },
      { kind: 'answer', text: 'late', delayMs: 60_000 },
      { kind: 'answer', text: ['a', 'b'], gapMs: 60_000 },
      { kind: 'answer', text: 'a', silentAfter: 0 },
    ];
    const server = await startModelServer(silences);
    for (const [index] of silences.entries()) {
      const leaving = new AbortController();
      const asked = post(`${server.url}/v1/messages`, { stream: true }, leaving.signal).then((response) =>
        response.text(),
      );
      const left = expect(asked).rejects.toThrow('aborted');
      await expect.poll(() => server.requests.length).toBe(index + 1);
      expect(server.requests[index]?.isClosed()).toBe(false);
      leaving.abort();
      await left;
      await expect.poll(() => server.requests[index]?.isClosed()).toBe(true);
    }
  });

  test.each([
    ['/v1/chat/completions', 'chat.completion.chunk'],
    ['/v1/responses', 'response.output_text.delta"'],
    ['/v1/messages', 'text_delta'],
    ['/v1beta/models/m:streamGenerateContent', 'candidates'],
  ])('100 000 deltas on %s come fast', async (path, mark) => {
    const server = await startModelServer({ kind: 'answer', text: new Array<string>(100_000).fill('word ') });
    const start = performance.now();
    const text = await (await post(`${server.url}${path}`, { stream: true })).text();
    const elapsedMs = performance.now() - start;
    expect(text.split(mark).length - 1).toBeGreaterThanOrEqual(100_000);
    // About 0.2 s on two quiet cores; the limit is for a machine that does five other things.
    expect(elapsedMs).toBeLessThan(5_000);
  });

  test('no more is made than a client reads', async () => {
    let made = 0;
    function* endless(): Generator<Frame> {
      for (;;) {
        made++;
        yield { text: 'x'.repeat(1_000), isDelta: true };
      }
    }
    const gone = new AbortController();
    const written = Promise.withResolvers<void>();
    const server = createServer((_request, response) => {
      response.once('close', () => gone.abort());
      writeBody(response, endless(), {}, gone.signal).then(written.resolve, written.reject);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const leaving = new AbortController();
    const ended = expect(written.promise).rejects.toThrow('aborted');
    const response = await fetch(`http://127.0.0.1:${address.port}`, { signal: leaving.signal });
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = made === before;
          before = made;
          return isStill;
        },
        { interval: 100 },
      )
      .toBe(true);
    // Sockets' buffers on both sides hold some megabytes at most.
    expect(made).toBeLessThan(20_000);
    leaving.abort();
    await ended;
    await expect(response.text()).rejects.toThrow('aborted');
  });
});

function post(url: string, body: object, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body), signal });
}

async function chat(url: string, content = 'Hello'): Promise<unknown> {
  const body = { model: 'm', messages: [{ role: 'user', content }] };
  const answer = z
    .object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) })
    .parse(await (await post(`${url}/v1/chat/completions`, body)).json());
  return answer.choices[0]?.message.content;
}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

async function chunkSizes(response: Response): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const chunk of bodyOf(response)) sizes.push(chunk.length);
  return sizes;
}
