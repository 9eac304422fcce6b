// The model server against the AI SDK's own providers: each of them understands the configured answer, in any chunks,
// and sees configured failures as it would see them from the real server.

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
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ModelAnswer, startModelServer, type WireFormat } from './model-server.ts';
import { inPieces } from './model-server-wire.ts';

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
  /** The error thrown while reading the stream, or its error part. */
  readonly error: unknown;
}

/** Gives up as soon as it has this text. */
async function ask(model: LanguageModel, enough?: string): Promise<Seen> {
  const leaving = new AbortController();
  const result = streamText({
    model,
    prompt: 'Hello',
    tools,
    maxRetries: 0,
    maxOutputTokens: 1_000,
    onError: () => {},
    abortSignal: leaving.signal,
  });
  const parts: TextStreamPart<ToolSet>[] = [];
  let thrown: unknown;
  try {
    for await (const part of result.stream) {
      parts.push(part);
      if (textOf(parts) === enough) leaving.abort();
    }
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

  test('conversation, tools and instructions are read alike in every format', async () => {
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
  ])('an error %i has its status, message and headers', async (status, headers) => {
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
    const { parts } = await ask(model(server.url), 'One two ');
    expect(textOf(parts)).toBe('One two ');
    expect(parts.at(-1)?.type).toBe('abort');
    await expect.poll(() => server.requests[0]?.isClosed()).toBe(true);
  });
});

test('a custom tool of OpenAI takes a text that is not JSON', async () => {
  const patch = '*** Begin Patch\n*** Add File: a.txt\n+"ok"\n*** End Patch\n';
  const call = { id: 'call_a', name: 'apply_patch', arguments: patch, pieces: 3 };
  const server = await startModelServer([
    { kind: 'answer', toolCalls: [call] },
    { kind: 'answer', toolCalls: [call] },
  ]);
  const openai = createOpenAI({ apiKey, baseURL: `${server.url}/v1` });
  const common = {
    model: openai('test-model'),
    tools: { apply_patch: openai.tools.customTool({ description: 'Edits files.' }) },
    maxRetries: 0,
    // Otherwise the client sends references instead of the calls.
    providerOptions: { openai: { store: false } },
  };
  const whole = await generateText({ ...common, prompt: 'Hello' });
  const expected = [{ toolCallId: 'call_a', toolName: 'apply_patch', input: patch }];
  expect(whole.toolCalls).toMatchObject(expected);

  const output = { type: 'text', value: 'Success.' } as const;
  const result = { type: 'tool-result', toolCallId: 'call_a', toolName: 'apply_patch', output } as const;
  const streamed = streamText({
    ...common,
    messages: [
      { role: 'user', content: 'Hello' },
      ...whole.responseMessages,
      { role: 'tool', content: [result] },
    ],
  });
  expect(await streamed.toolCalls).toMatchObject(expected);
  expect(server.requests[1]?.messages.slice(1)).toMatchObject([
    { role: 'assistant', toolCalls: [{ id: 'call_a', name: 'apply_patch' }] },
    { role: 'tool', toolResults: [{ id: 'call_a', text: 'Success.' }] },
  ]);
});
