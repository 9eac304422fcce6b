import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { CodeBuddyError } from '../../../src/base/errors.ts';
import type { PromptOptions } from '../../../src/contract/prompt-options.ts';
import type { PromptContext, PromptEvent } from '../../../src/http/handlers.ts';
import { startServer } from '../start-server.ts';

const stream = { accept: 'text/event-stream' };

interface Message {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape.
  readonly data: any;
}

function messagesOf(text: string): Message[] {
  return text.split('\n\n').flatMap((block) => {
    const event = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    return event === undefined || data === undefined ? [] : [{ event, data: JSON.parse(data) }];
  });
}

async function* words(...all: string[]): AsyncGenerator<PromptEvent> {
  for (const text of all) yield { type: 'message.delta', data: { text } };
}

test.each([' \n\t', '\u3000\u00a0', '\u200b'])(
  'the blank prompt %j is answered 422 with the field',
  async (prompt) => {
    let calls = 0;
    const { request } = await startServer({ handlers: { onPrompt: () => `${++calls}` } });
    expect(await request('POST', '/api/prompt', { body: { prompt } })).toMatchObject({
      status: 422,
      json: { code: 'validation_failed', errors: [{ in: 'body', pointer: '/prompt' }] },
    });
    expect(calls).toBe(0);
  },
);

describe('a host that answers prompts itself', () => {
  test('receives prompt, options and context, and may return a string', async () => {
    let seen: { prompt: string; options: PromptOptions; context: PromptContext } | undefined;
    const { request } = await startServer({
      handlers: {
        onPrompt: (prompt, options, context) => {
          seen = { prompt, options, context };
          return 'hello';
        },
      },
    });
    const options = { model: 'm', maxSteps: 3, permissionMode: 'ask', system: 'be brief' };
    const answer = await request('POST', '/api/prompt', {
      body: { prompt: 'hi', sessionId: 'mine', options },
      headers: { 'x-request-id': 'r1' },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      status: 'completed',
      response: 'hello',
      sessionId: 'mine',
      runId: expect.stringMatching(/^run_/),
      model: 'm',
      usage: null,
      cost: null,
      finishReason: 'stop',
    });
    expect(seen).toMatchObject({ prompt: 'hi', options, context: { sessionId: 'mine', requestId: 'r1' } });
    expect(seen?.context.runId).toBe(answer.json.runId);
    expect(seen?.context.signal.aborted).toBe(false);
  });

  test('may return an object, which is completed but not overridden', async () => {
    const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
    const { request } = await startServer({
      handlers: {
        onPrompt: async () => ({ response: 'x', sessionId: 's', cost: 0.5, usage, finishReason: 'length' }),
      },
    });
    const { json } = await request('POST', '/api/prompt', { body: { prompt: 'x' } });
    expect(json).toMatchObject({
      response: 'x',
      sessionId: 's',
      cost: 0.5,
      usage,
      finishReason: 'length',
      model: null,
    });
  });

  test('may return an async iterable, which is collected or streamed', async () => {
    const { request } = await startServer({ handlers: { onPrompt: () => words('one ', 'two') } });
    const whole = await request('POST', '/api/prompt', { body: { prompt: 'x' } });
    expect(whole.json.response).toBe('one two');
    const streamed = await request('POST', '/api/prompt', { body: { prompt: 'x' }, headers: stream });
    expect(streamed.status).toBe(200);
    expect(streamed.headers.get('content-type')).toBe('text/event-stream');
    const messages = messagesOf(streamed.text);
    expect(messages.map(({ event }) => event)).toEqual(['message.delta', 'message.delta', 'run.complete']);
    expect(messages[0]?.data).toMatchObject({ type: 'message.delta', data: { text: 'one ' } });
    expect(messages[2]?.data).toMatchObject({
      runId: messages[0]?.data.runId,
      data: { response: 'one two' },
    });
  });

  test('may end with a run.complete, which is sent with every field', async () => {
    const { request } = await startServer({
      handlers: {
        onPrompt: async function* () {
          yield* words('draft');
          yield { type: 'tool.start', data: { tool: 'x' } };
          yield { type: 'run.complete', data: { response: 'final', model: 'm' } };
        },
      },
    });
    expect((await request('POST', '/api/prompt', { body: { prompt: 'x' } })).json.response).toBe('final');
    const { text } = await request('POST', '/api/prompt', { body: { prompt: 'x' }, headers: stream });
    const messages = messagesOf(text);
    expect(messages.map(({ event }) => event)).toEqual(['message.delta', 'tool.start', 'run.complete']);
    expect(messages[2]?.data.data).toMatchObject({ response: 'final', model: 'm', finishReason: 'stop' });
  });

  test('may return a string for a stream, too', async () => {
    const { request } = await startServer({ handlers: { onPrompt: () => 'all at once' } });
    const { text } = await request('POST', '/api/prompt', { body: { prompt: 'x' }, headers: stream });
    expect(messagesOf(text).map(({ event, data }) => [event, data.data.text ?? data.data.response])).toEqual([
      ['message.delta', 'all at once'],
      ['run.complete', 'all at once'],
    ]);
  });

  test('causes a 500 without details by throwing; a CodeBuddyError is sent as it is', async () => {
    const faults: Error[] = [];
    const { request } = await startServer({
      handlers: {
        onPrompt: (prompt) => {
          if (prompt === 'known') throw new CodeBuddyError('session_busy', 'One at a time');
          throw new Error('password=hunter2 at /home/me/agent.js');
        },
      },
      setUp: (server) => server.on('error', (error) => faults.push(error)),
    });
    const unknown = await request('POST', '/api/prompt', { body: { prompt: 'x' } });
    expect(unknown).toMatchObject({ status: 500, json: { code: 'internal_error' } });
    expect(unknown.text).not.toMatch(/hunter2|home|agent\.js|\bat \b/);
    expect(faults.map(({ message }) => message)).toEqual(['password=hunter2 at /home/me/agent.js']);
    expect(await request('POST', '/api/prompt', { body: { prompt: 'known' } })).toMatchObject({
      status: 409,
      json: { code: 'session_busy', detail: 'One at a time', error: 'One at a time' },
    });
  });

  test('ends the stream with run.failed by throwing in the middle', async () => {
    const { request } = await startServer({
      handlers: {
        onPrompt: async function* () {
          yield* words('so far');
          throw new Error('secret reason');
        },
      },
    });
    const { text } = await request('POST', '/api/prompt', { body: { prompt: 'x' }, headers: stream });
    const messages = messagesOf(text);
    expect(messages.map(({ event }) => event)).toEqual(['message.delta', 'run.failed']);
    expect(messages[1]?.data.data.code).toBe('internal_error');
    expect(text).not.toContain('secret');
  });

  test.each([undefined, null, 7, {}, { response: 1 }, []])(
    'causes an internal error by returning %j',
    async (value) => {
      const { request } = await startServer({ handlers: { onPrompt: () => value as never } });
      expect((await request('POST', '/api/prompt', { body: { prompt: 'x' } })).status).toBe(500);
    },
  );

  test('is ended by timeoutMs, and its signal is aborted', async () => {
    let signal: AbortSignal | undefined;
    const { request } = await startServer({
      handlers: {
        onPrompt: (_prompt, _options, context) => {
          signal = context.signal;
          return new Promise<string>(() => undefined);
        },
      },
    });
    const answer = await request('POST', '/api/prompt', {
      body: { prompt: 'x', options: { timeoutMs: 30 } },
    });
    expect(answer).toMatchObject({ status: 504, json: { code: 'run_timeout' } });
    expect(signal?.aborted).toBe(true);
  });

  test.each([
    ['plain', {}],
    ['streaming', stream],
  ])('sees its signal aborted when a %s client leaves', async (_kind, headers) => {
    const started = Promise.withResolvers<AbortSignal>();
    const { request } = await startServer({
      handlers: {
        onPrompt: async function* (_prompt, _options, { signal }) {
          started.resolve(signal);
          yield* words('begin');
          await once(signal, 'abort');
        },
      },
    });
    const client = new AbortController();
    const answer = request('POST', '/api/prompt', { body: { prompt: 'x' }, headers, signal: client.signal });
    const gone = expect(answer).rejects.toThrow();
    const signal = await started.promise;
    expect(signal.aborted).toBe(false);
    const aborted = once(signal, 'abort');
    client.abort();
    await aborted;
    await gone;
  });

  test('has its generator closed when the client leaves', async () => {
    const started = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const { request } = await startServer({
      handlers: {
        onPrompt: async function* () {
          try {
            for (let i = 0; ; i++) {
              yield* words(String(i));
              started.resolve();
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            closed.resolve();
          }
        },
      },
    });
    const client = new AbortController();
    request('POST', '/api/prompt', { body: { prompt: 'x' }, headers: stream, signal: client.signal }).catch(
      () => undefined,
    );
    await started.promise;
    client.abort();
    await closed.promise;
  });

  test('may set, replace and remove handlers while the server runs', async () => {
    const { request, server } = await startServer();
    const ask = async (): Promise<unknown> => {
      const { status, json } = await request('POST', '/api/prompt', { body: { prompt: 'x' } });
      return status === 200 ? json.response : json.code;
    };
    expect(await ask()).toBe('handler_not_configured');
    server.onPrompt = () => 'first';
    expect(await ask()).toBe('first');
    server.onPrompt = () => 'second';
    expect(await ask()).toBe('second');
    server.onPrompt = undefined;
    expect(await ask()).toBe('handler_not_configured');
  });

  test('ignores Prefer: respond-async if it keeps no runs', async () => {
    const { request } = await startServer({ handlers: { onPrompt: () => 'now' } });
    const answer = await request('POST', '/api/prompt', {
      body: { prompt: 'x' },
      headers: { prefer: 'respond-async' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('preference-applied')).toBeNull();
  });
});
