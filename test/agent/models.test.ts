// Models: five wire formats over a real socket, errors of providers, and the choice of the model.

import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findModel } from '../../src/agent/models/find-model.ts';
import { parseProviders } from '../../src/agent/models/provider-config.ts';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';
import { type ModelReply, startModelServer } from './model-server.ts';
import { startAgent } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

const providers = {
  anthropic: {
    model: 'anthropic/claude-sonnet-5-5',
    variables: ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'],
    path: '/v1',
  },
  openai: { model: 'openai/gpt-5.6', variables: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'], path: '/v1' },
  google: {
    model: 'google/gemini-3.8-flash',
    variables: ['GEMINI_API_KEY', 'GOOGLE_BASE_URL'],
    path: '/v1beta',
  },
  xai: { model: 'xai/grok-latest', variables: ['XAI_API_KEY', 'XAI_BASE_URL'], path: '/v1' },
} as const;

async function failure(promise: Promise<unknown>): Promise<CodeBuddyError> {
  return promise.then(
    (value) => {
      throw new Error(`it did not fail, it gave ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as CodeBuddyError,
  );
}

describe('each provider', () => {
  it.each(Object.entries(providers))(
    '%s: streams, calls tools in pieces and reports usage, split at every byte',
    async (_name, { model, variables, path }) => {
      const server = await startModelServer([
        {
          kind: 'answer',
          text: ['I ', 'look.'],
          toolCalls: [
            { name: 'read_file', arguments: { path: 'a.txt' }, pieces: 5 },
            { name: 'read_file', arguments: { path: 'b.txt' }, pieces: 3 },
          ],
          usage: { input: 100, output: 20 },
          splitBytes: 1,
        },
        { kind: 'answer', text: ['Ä', '😀 done'], usage: { input: 200, output: 7 }, splitBytes: 1 },
      ]);
      const [key, url] = variables;
      const { prompt, write, agent } = await startAgent({
        permissionMode: 'full',
        models: [model],
        environment: { [key]: 'a-key', [url]: `${server.url}${path}` },
      });
      write('a.txt', 'alpha');
      write('b.txt', 'beta');
      const result = await prompt('What is in the files?');
      expect(result).toMatchObject({
        response: 'Ä😀 done',
        model,
        usage: { inputTokens: 300, outputTokens: 27, totalTokens: 327 },
        finishReason: 'stop',
      });
      // The list has a price for each of the four.
      expect(result.cost).toBeGreaterThan(0);
      const [first, second] = server.requests;
      expect(first?.system).toContain('coding agent');
      expect(first?.toolNames).toEqual(expect.arrayContaining(['read_file', 'bash', 'edit_file']));
      const results = second?.messages.flatMap(({ toolResults }) => toolResults.map(({ text }) => text));
      expect(results?.join(' ')).toMatch(/alpha[\s\S]*beta/);
      expect((await agent.sessions.get(result.sessionId))?.cost).toBe(result.cost);
    },
  );
});

it('anthropic gets cache marks', async () => {
  const server = await startModelServer([calls('list_directory', {}), says('empty')]);
  const { prompt } = await startAgent({
    models: ['anthropic/claude-sonnet-5-5'],
    environment: { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${server.url}/v1` },
  });
  await prompt('look');
  for (const { body } of server.requests) {
    const { system, messages } = body as { system: unknown; messages: readonly unknown[] };
    expect(JSON.stringify(system)).toContain('cache_control');
    expect(JSON.stringify(messages.at(-1))).toContain('cache_control');
    expect(JSON.stringify(messages.slice(0, -1))).not.toContain('cache_control');
  }
});

const refused = (status: number, body: object) => ({
  kind: 'raw' as const,
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

describe('a provider error', () => {
  it.each([
    [{ kind: 'error', status: 401, message: 'Incorrect key sk-abc123456789xyz' }, 'model_auth_failed', 502],
    [{ kind: 'error', status: 404, message: 'no such model' }, 'model_not_found', 422],
    [{ kind: 'error', status: 400, message: 'temperature is odd' }, 'model_refused', 502],
    [{ kind: 'error', status: 500, message: 'oops' }, 'model_unavailable', 502],
    [
      refused(402, { error: { message: 'Insufficient Balance', type: 'unknown_error' } }),
      'model_refused',
      502,
    ],
    [
      refused(429, { error: { message: 'You exceeded your current quota', code: 'insufficient_quota' } }),
      'model_refused',
      502,
    ],
    [
      refused(403, {
        error: { code: 403, message: 'Your input was flagged', metadata: { reasons: ['moderation'] } },
      }),
      'model_refused',
      502,
    ],
    [
      refused(400, {
        object: 'error',
        message: 'Expected last role User',
        type: 'invalid_request',
        code: '3230',
      }),
      'model_refused',
      502,
    ],
    [
      { kind: 'raw', status: 200, headers: { 'content-type': 'text/event-stream' }, body: 'data: {"x"\n\n' },
      'model_bad_response',
      502,
    ],
    [
      { kind: 'raw', status: 200, headers: { 'content-type': 'text/event-stream' }, body: '' },
      'model_bad_response',
      502,
    ],
    [{ kind: 'answer', text: 'Hello, this is cut', cutAfterBytes: 600 }, 'model_unavailable', 502],
  ] as const)('%j becomes %s', async (reply: ModelReply, code, status) => {
    const { prompt, events } = await startModelAgent(reply);
    const error = await failure(prompt('hello'));
    expect([error.code, error.status], error.message).toEqual([code, status]);
    expect(error.message).not.toContain('sk-abc');
    const last = (await events()).at(-1);
    expect(last).toMatchObject({ type: 'run.failed', data: { code } });
  });

  it('from a rate limit says when to retry', async () => {
    const { prompt } = await startModelAgent({
      kind: 'error',
      status: 429,
      headers: { 'retry-after': '77' },
    });
    const error = await failure(prompt('hello'));
    expect(error).toMatchObject({
      code: 'model_rate_limited',
      status: 429,
      headers: { 'Retry-After': '77' },
    });
  });

  it('from a rate limit of Gemini has the delay in its body', async () => {
    const body = [
      {
        error: {
          code: 429,
          message: 'Quota',
          status: 'RESOURCE_EXHAUSTED',
          details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '45.8s' }],
        },
      },
    ];
    const { prompt } = await startModelAgent(refused(429, body));
    expect(await failure(prompt('hello'))).toMatchObject({
      code: 'model_rate_limited',
      headers: { 'Retry-After': '46' },
    });
  });

  it('in another format reaches the user', async () => {
    const { prompt } = await startModelAgent(
      refused(400, { object: 'error', message: 'Expected last role User', code: '3230' }),
    );
    expect((await failure(prompt('hello'))).message).toContain('Expected last role User');
  });

  it.each([
    ['overload', { error: { type: 'overloaded_error', message: 'Overloaded' } }, 'model_unavailable'],
    [
      'a refusal',
      { error: { code: 'invalid_request_error', message: 'temperature is odd' } },
      'model_refused',
    ],
    ['a text', { error: 'out of memory' }, 'model_unavailable'],
  ])('with %s in a stream that began with 200 reaches the user', async (_what, event, code) => {
    const { prompt } = await startModelAgent({
      kind: 'raw',
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: `data: ${JSON.stringify(event)}\n\n`,
    });
    const error = await failure(prompt('hello'));
    expect(error.code, error.message).toBe(code);
    expect(error.message).toContain(typeof event.error === 'string' ? event.error : event.error.message);
  });

  it('from a short outage is retried, with a warning', async () => {
    const waitsMs: number[] = [];
    const { prompt, warnings, server } = await startModelAgent(
      [
        { kind: 'error', status: 503 },
        { kind: 'error', status: 429, headers: { 'retry-after-ms': '20' } },
        says('here I am'),
      ],
      { sleep: async (ms) => void waitsMs.push(ms) },
    );
    expect((await prompt('hello')).response).toBe('here I am');
    expect(server.requests).toHaveLength(3);
    expect(waitsMs).toEqual([expect.any(Number), 20]);
    expect(waitsMs[0]).toBeGreaterThanOrEqual(400);
    expect(waitsMs[0]).toBeLessThanOrEqual(600);
    expect(warnings.join('\n')).toMatch(/Retrying local\/test-model in/);
  });

  it('for silence before or during an answer is model_timeout', async () => {
    const { prompt, server } = await startModelAgent(
      { kind: 'answer', text: ['one', 'two'], silentAfter: 1 },
      { modelSilenceMs: 150 },
    );
    expect((await failure(prompt('hello'))).code).toBe('model_timeout');
    await waitFor('the call is given up', () => server.requests.every((request) => request.isClosed()));
    const silent = await startModelAgent({ kind: 'silence' }, { modelSilenceMs: 100 });
    expect((await failure(silent.prompt('hello'))).code).toBe('model_timeout');
  });

  it('from overload switches to the next model with a warning, and the failed one comes last', async () => {
    const down = await startModelServer({ kind: 'error', status: 529, message: 'Overloaded' });
    const up = await startModelServer(says('from the second'));
    const warnings: string[] = [];
    const { prompt, agent } = await startAgent({
      models: ['first/a', 'second/b'],
      providers: { first: { baseURL: `${down.url}/v1` }, second: { baseURL: `${up.url}/v1` } },
      warn: (message) => warnings.push(message),
      environment: {},
    });
    const result = await prompt('hello');
    expect(result).toMatchObject({ response: 'from the second', model: 'second/b' });
    expect(warnings.join('\n')).toMatch(/first failed \(529\).*Continuing with second\/b/);
    await prompt('again');
    expect(down.requests).toHaveLength(1);
    expect((await agent.runs.get(result.runId))?.model).toBe('second/b');
  });

  it('for a refused key is final: no other model is asked', async () => {
    const refusing = await startModelServer({ kind: 'error', status: 401 });
    const other = await startModelServer(says('no'));
    const { prompt } = await startAgent({
      models: ['first/a', 'second/b'],
      providers: { first: { baseURL: `${refusing.url}/v1` }, second: { baseURL: `${other.url}/v1` } },
      environment: {},
    });
    expect((await failure(prompt('hello'))).code).toBe('model_auth_failed');
    expect(other.requests).toHaveLength(0);
  });

  it('for a missing key names the variable', async () => {
    const { prompt } = await startAgent({ models: ['openai/gpt-5.6'], environment: {} });
    const error = await failure(prompt('hello'));
    expect(error).toMatchObject({
      code: 'model_auth_failed',
      message: expect.stringContaining('OPENAI_API_KEY'),
    });
  });
});

describe('options.model', () => {
  it('chooses another model for one prompt, including offline', async () => {
    const { prompt, server, write } = await startModelAgent(says('hi'));
    write('x.txt', 'text');
    expect((await prompt('hello', { model: 'local/other' })).model).toBe('local/other');
    expect(server.requests[0]?.model).toBe('other');
    expect(await prompt('read x.txt', { model: 'offline' })).toMatchObject({
      model: 'offline',
      response: 'text',
    });
  });

  it.each(['nonsense', 'nowhere/model', 'local/'])('%s is refused, naming the field', async (model) => {
    const { prompt } = await startModelAgent(says('hi'));
    expect(await failure(prompt('hello', { model }))).toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/options/model' }],
    });
  });
});

describe('without a setting', () => {
  const nowhere = { OLLAMA_HOST: '127.0.0.1:9', LMSTUDIO_HOST: '127.0.0.1:9' };
  const find = (environment: Record<string, string>) =>
    findModel({ configured: undefined, origin: '', environment, probeTimeoutMs: WAIT_LIMIT_MS });

  it('an API key chooses the model', async () => {
    const choice = await find({ ...nowhere, XAI_API_KEY: 'k' });
    expect(choice).toMatchObject({ models: ['xai/grok-latest'], reason: 'XAI_API_KEY is set' });
  });

  it('else Ollama or LM Studio is used if one answers, with its first non-embedding model', async () => {
    const server = await startModelServer(says('hi'));
    const choice = await find({ ...nowhere, OLLAMA_HOST: server.url });
    expect(choice.models).toEqual(['ollama/test-model']);
    const { prompt, agent } = await startAgent({
      environment: { ...nowhere, LMSTUDIO_HOST: server.url },
      modelProbeTimeoutMs: WAIT_LIMIT_MS,
    });
    expect(await prompt('hello')).toMatchObject({ response: 'hi', model: 'lmstudio/test-model', cost: 0 });
    expect(agent.describe()).toEqual({ agent: 'model', model: 'lmstudio/test-model' });
  });

  it('else the offline agent is used, with the reason', async () => {
    const choice = await find(nowhere);
    expect(choice.models).toEqual([]);
    expect(choice.findings.map(({ detail }) => detail)).toContain('no ollama answers');
  });

  it('a server that takes connections and is silent is not waited for', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const environment = { ...nowhere, OLLAMA_HOST: `127.0.0.1:${address.port}` };
    const choice = await findModel({ configured: undefined, origin: '', environment });
    expect(choice.models).toEqual([]);
  });
});

describe('providers of the configuration', () => {
  it.each([
    [{ Bad: { baseURL: 'http://x/v1' } }, 'providers.Bad'],
    [{ openai: { baseURL: 'http://x/v1' } }, 'built-in provider'],
    [{ a: {} }, 'providers.a.baseURL'],
    [{ a: { baseURL: 'ftp://x' } }, 'providers.a.baseURL'],
    [{ a: { baseURL: 'http://x', key: 'y' } }, 'providers.a.key'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the file.
    [{ a: { baseURL: 'http://x', apiKey: '${NOT_THERE}' } }, 'NOT_THERE'],
    [{ a: { baseURL: 'http://x', headers: { h: 1 } } }, 'providers.a.headers.h'],
    ['text', 'providers must be'],
  ])('%j is refused, naming %s', (value, named) => {
    expect(() => parseProviders(value, {})).toThrow(named);
  });

  it('take their key from a variable, and send configured headers', async () => {
    const server = await startModelServer(says('hi'));
    const { prompt } = await startAgent({
      models: ['vllm/m'],
      providers: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the file.
        vllm: { baseURL: `${server.url}/v1/`, apiKey: '${MY_KEY}', headers: { 'x-team': 'blue' } },
      },
      environment: { MY_KEY: 'secret-key' },
    });
    await prompt('hello');
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer secret-key',
      'x-team': 'blue',
    });
  });
});

it.each(['anthropic', 'openai', 'google', 'xai'] as const)(
  '%s: a stream that falls silent fails',
  async (name) => {
    const { model, variables, path } = providers[name];
    const [key, url] = variables;
    const cut = await startModelServer({
      kind: 'answer',
      text: ['one ', 'two ', 'three ', 'four'],
      silentAfter: 2,
    });
    const { prompt } = await startAgent({
      models: [model],
      modelSilenceMs: 200,
      environment: { [key]: 'a-key', [url]: `${cut.url}${path}` },
    });
    expect((await failure(prompt('count'))).code).toBe('model_timeout');
  },
);

it('a call of an unknown tool is reported to the model', async () => {
  const { prompt, server } = await startModelAgent([calls('no_such_tool', {}), says('sorry')]);
  expect((await prompt('hello')).response).toBe('sorry');
  expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('not found');
});
