import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RequestEvent } from '../../../src/api/rest-server.ts';
import {
  CodeBuddyError,
  getApiServer,
  RestApiServer,
  reply,
  ServerStartError,
  startApiServer,
  stopApiServer,
} from '../../../src/api/rest-server.ts';
import { startServer } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

describe('the server as a library', () => {
  test('needs four handlers and start(), and no key on loopback', async () => {
    const server = new RestApiServer({ port: 0 });
    server.onPrompt = async (prompt) => `You said: ${prompt}`;
    server.onToolExecute = async (tool, params) => ({ tool, params });
    server.onGetSessions = async () => [{ id: 'one', anything: true }];
    server.onGetMetrics = async () => ({ answered: 42 });
    expect(server.isServerRunning()).toBe(false);
    expect(server.getAddress()).toBeUndefined();
    await server.start();
    onTestFinished(() => server.stop());
    const { url, host, port } = server.getAddress() ?? {};
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(host).toBe('127.0.0.1');
    expect(server.isServerRunning()).toBe(true);
    const post = async (path: string, body: unknown): Promise<unknown> => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    };
    expect(await post('/api/prompt', { prompt: 'hi' })).toMatchObject({ response: 'You said: hi' });
    expect(await post('/api/tools/add', { a: 1 })).toEqual({ result: { tool: 'add', params: { a: 1 } } });
    expect(await (await fetch(`${url}/api/sessions`)).json()).toEqual({
      sessions: [{ id: 'one', anything: true }],
      nextCursor: null,
    });
    expect(await (await fetch(`${url}/api/metrics`)).json()).toMatchObject({ metrics: { answered: 42 } });
    await server.stop();
    expect(server.isServerRunning()).toBe(false);
  });

  test('touches no file, loads no agent, store or logger, and lets the process exit', async () => {
    const home = await mkdtemp(join(tmpdir(), 'codebuddy-'));
    onTestFinished(() => rm(home, { recursive: true }));
    const program = `
      import { RestApiServer } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)};
      import { createRequire } from 'node:module';
      const server = new RestApiServer({ port: 0 });
      server.onPrompt = () => 'hi';
      await server.start();
      await fetch(server.getAddress().url + '/api/prompt', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"prompt":"x"}' });
      await server.stop();
      const loaded = Object.keys(createRequire(import.meta.url).cache);
      console.log(JSON.stringify(loaded.filter((file) => /node_modules\\/(pino|@fastify\\/ajv-compiler|re2js|undici)\\//.test(file))));
      console.log(process.moduleLoadList.filter((name) => /sqlite/.test(name)).length);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: home,
      env: { ...process.env, HOME: home, CODEBUDDY_HOME: join(home, 'config') },
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, 'close');
    expect(output).toBe('[]\n0\n');
    expect(code).toBe(0);
    expect(await readdir(home)).toEqual([]);
  });

  test('refuses a host beyond loopback without a key', async () => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.org']) {
      const refused = new RestApiServer({ host, port: 0 }).start();
      await expect(refused).rejects.toThrow(/without an API key/);
      await expect(refused).rejects.toBeInstanceOf(ServerStartError);
    }
    const { server } = await startServer({ config: { host: '0.0.0.0' } });
    expect(server.isServerRunning()).toBe(true);
  });

  test('reports a port in use and a foreign address clearly', async () => {
    const { port } = await startServer();
    const second = new RestApiServer({ port });
    await expect(second.start()).rejects.toMatchObject({
      name: 'ServerStartError',
      code: 'address_in_use',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is in use`),
    });
    expect(second.isServerRunning()).toBe(false);
    await second.stop();
    await expect(
      new RestApiServer({ port: 0, host: '192.0.2.1', apiKey: 'k' }).start(),
    ).rejects.toMatchObject({
      code: 'address_not_available',
    });
  });

  test.each([{ port: -1 }, { port: 70_000 }, { port: 1.5 }, { maxRequestSize: 0 }, { host: '' }])(
    'refuses %j at construction',
    (config) => {
      expect(() => new RestApiServer(config)).toThrow(TypeError);
    },
  );

  test('answers 503 handler_not_configured without a handler', async () => {
    const { request } = await startServer();
    for (const [method, path, body] of [
      ['POST', '/api/prompt', { prompt: 'x' }],
      ['POST', '/api/tools/x', {}],
      ['GET', '/api/tools', undefined],
      ['GET', '/api/sessions', undefined],
      ['POST', '/api/sessions', {}],
    ] as const) {
      expect(await request(method, path, { body }), path).toMatchObject({
        status: 503,
        json: { code: 'handler_not_configured' },
      });
    }
  });

  test('emits events for start, each request and stop', async () => {
    const server = new RestApiServer({ port: 0, apiKey: 'k' });
    const seen: string[] = [];
    const requests: RequestEvent[] = [];
    server.on('start', ({ port }) => seen.push(`start ${port > 0}`));
    server.on('stop', () => seen.push('stop'));
    const four = new Promise<void>((resolve) => {
      server.on('request', (event) => {
        if (requests.push(event) === 4) resolve();
      });
    });
    await server.start();
    await server.start();
    const url = server.getAddress()?.url ?? '';
    const headers = { 'x-api-key': 'k', 'x-request-id': 'id-1' };
    for (const path of ['/health', '/api/sessions/x?secret=1', '/none'])
      await (await fetch(url + path, { headers })).text();
    await (await fetch(`${url}/api`)).text();
    await four;
    await server.stop();
    await server.stop();
    expect(seen).toEqual(['start true', 'stop']);
    expect(requests).toEqual([
      {
        requestId: 'id-1',
        method: 'GET',
        path: '/health',
        route: '/health',
        status: 200,
        durationMs: expect.any(Number),
      },
      expect.objectContaining({ path: '/api/sessions/x', route: '/api/sessions/:id', status: 503 }),
      expect.objectContaining({ path: '/none', route: null, status: 404 }),
      expect.objectContaining({ path: '/api', route: null, status: 401 }),
    ]);
  });

  test('survives a listener that throws or rejects', async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    const server = new RestApiServer({ port: 0 });
    onTestFinished(() => server.stop());
    server.onPrompt = () => Promise.reject(new Error('the agent'));
    for (const event of ['start', 'request', 'error', 'stop'] as const) {
      server.on(event, () => {
        throw new Error(`${event} throws`);
      });
    }
    server.prependListener('request', async () => Promise.reject(new Error('request rejects')));
    const { url } = await server.start();
    const headers = { 'content-type': 'application/json' };
    const prompt = { method: 'POST', headers, body: '{"prompt":"x"}' };
    for (let count = 0; count < 2; count++)
      expect((await fetch(`${url}/api/prompt`, prompt)).status).toBe(500);
    await server.stop();
    // The process may warn of other things, too.
    const told = () =>
      new Set(
        warnings.flatMap(({ message }) => /^A listener of the server failed: (.*)/.exec(message)?.[1] ?? []),
      );
    await expect
      .poll(told)
      .toEqual(new Set(['start throws', 'error throws', 'request throws', 'request rejects', 'stop throws']));
  });

  test('is shared by getApiServer, startApiServer and stopApiServer', async () => {
    const server = await startApiServer({ port: 0 });
    onTestFinished(() => stopApiServer());
    expect(getApiServer()).toBe(server);
    expect(server.isServerRunning()).toBe(true);
    await stopApiServer();
    expect(server.isServerRunning()).toBe(false);
    expect(getApiServer()).not.toBe(server);
  });
});

describe('addRoute', () => {
  test('works before and after start; getEndpoints() and GET /api list the routes', async () => {
    const { server, request } = await startServer({
      setUp: (server) => server.addRoute('GET', '/before/:name', ({ params }) => ({ hello: params.name })),
    });
    expect((await request('GET', '/before/bob')).json).toEqual({ hello: 'bob' });
    server.addRoute('POST', '/after', ({ body, requestId }) => reply(201, body, { 'X-A': requestId }));
    server.addRoute('GET', '/before/exact', () => 'plain parts come first', { summary: 'Exact' });
    const after = await request('POST', '/after', { body: { a: 1 }, headers: { 'x-request-id': 'r7' } });
    expect(after).toMatchObject({ status: 201, json: { a: 1 } });
    expect(after.headers.get('x-a')).toBe('r7');
    expect((await request('GET', '/before/exact')).json).toBe('plain parts come first');
    expect(server.getEndpoints()).toContainEqual({ method: 'GET', path: '/before/exact', summary: 'Exact' });
    expect((await request('GET', '/api')).json.endpoints).toEqual(server.getEndpoints());
    expect((await request('POST', '/after', { key: null, body: {} })).status).toBe(401);
    expect((await request('PUT', '/after')).headers.get('allow')).toBe('POST, OPTIONS');
  });

  test('answers all requests that arrive while routes are added', async () => {
    const { server, request } = await startServer();
    const answers: Promise<number>[] = [];
    for (let i = 0; i < 30; i++) {
      server.addRoute('GET', `/added/${i}`, () => ({ i }));
      answers.push(request('GET', `/added/${i}`).then(({ status }) => status));
      answers.push(request('GET', '/api').then(({ status }) => status));
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  });

  test('accepts values, nothing and bytes, and answers thrown errors', async () => {
    const { server, request, port } = await startServer();
    const answers: Record<string, unknown> = {
      nothing: undefined,
      null: null,
      number: 7,
      list: [1],
      looksLike: { status: 'busy', body: 1 },
      more: { status: 200, other: 1 },
      likeTheFirstVersion: { status: 404, headers: {}, body: { a: 1 } },
      statusAlone: { status: 418 },
      teapot: reply(418),
      missing: reply(404, { error: 'no such job' }, { 'X-Reason': 'gone' }),
      html: reply(200, '<p>', { 'Content-Type': 'text/html' }),
    };
    server.addRoute('GET', '/give/:what', ({ params }) => answers[params.what ?? '']);
    server.addRoute('GET', '/circular', () => {
      const self: Record<string, unknown> = {};
      self.self = self;
      return self;
    });
    server.addRoute('GET', '/big', () => ({ n: 1n }));
    server.addRoute('GET', '/reject', () => Promise.reject(new Error('x')));
    server.addRoute('GET', '/odd', () => Promise.reject('a string'));
    server.addRoute('GET', '/split', () => reply(200, 1, { 'X-A': 'a\r\nX-B: b' }));
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    const give = (what: string) => request('GET', `/give/${what}`);
    expect(await give('nothing')).toMatchObject({ status: 204, text: '' });
    expect((await give('null')).text).toBe('null');
    expect((await give('number')).text).toBe('7');
    expect((await give('list')).json).toEqual([1]);
    expect((await give('looksLike')).json).toEqual({ status: 'busy', body: 1 });
    expect((await give('more')).json).toEqual({ status: 200, other: 1 });
    for (let again = 0; again < 2; again++)
      expect(await give('likeTheFirstVersion')).toMatchObject({
        status: 200,
        json: { status: 404, headers: {}, body: { a: 1 } },
      });
    expect(await give('statusAlone')).toMatchObject({ status: 200, json: { status: 418 } });
    const missing = await give('missing');
    expect(missing).toMatchObject({ status: 404, json: { error: 'no such job' } });
    expect(missing.headers.get('x-reason')).toBe('gone');
    expect(await give('teapot')).toMatchObject({ status: 418, text: '' });
    const html = await give('html');
    expect(html.headers.get('content-type')).toBe('text/html');
    expect(html.text).toBe('<p>');
    for (const path of ['/circular', '/big', '/reject', '/odd', '/split']) {
      expect(await request('GET', path), path).toMatchObject({
        status: 500,
        json: { code: 'internal_error' },
      });
    }
    expect((await sendOne(port, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')).status).toBe(200);
    const told = warnings.filter((warning) => 'code' in warning && warning.code === 'CODEBUDDY_REPLY');
    expect(told.map(({ message }) => message)).toEqual([
      expect.stringMatching(/GET \/give\/:what .* return reply\(status, body, headers\)/),
    ]);
  });

  test('refuses a reply() with an invalid status, or with a body where none is allowed', () => {
    for (const status of [0, 99, 199, 600, 200.5, '200' as never])
      expect(() => reply(status)).toThrow(/whole number from 200 to 599/);
    expect(() => reply(204, 'x')).toThrow(/cannot have a body/);
  });

  test('answers any error of a handler as an internal error, but a CodeBuddyError as it says', async () => {
    const { server, request } = await startServer();
    const thrown: Record<string, unknown> = {
      status: Object.assign(new Error('x'), { status: 404, statusCode: 404 }),
      code: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
      fastify: Object.assign(new Error('x'), { code: 'FST_ERR_CTP_BODY_TOO_LARGE' }),
      validation: Object.assign(new Error('x'), { validation: [], validationContext: 'body' }),
    };
    const fail = (what: unknown): never => {
      throw thrown[String(what)] ?? new CodeBuddyError('session_busy', 'Try later');
    };
    server.addRoute('GET', '/fail/:what', ({ params }) => fail(params.what));
    server.onToolExecute = async (tool) => fail(tool);
    server.onPrompt = (prompt) => fail(prompt);
    for (const what of [...Object.keys(thrown), 'answer']) {
      const code = what === 'answer' ? 'session_busy' : 'internal_error';
      for (const [method, path, body] of [
        ['GET', `/fail/${what}`, undefined],
        ['POST', `/api/tools/${what}`, {}],
        ['POST', '/api/prompt', { prompt: what }],
      ] as const)
        expect((await request(method, path, { body })).json.code, `${path} ${what}`).toBe(code);
    }
  });

  test('names the handler that returned an invalid value', async () => {
    const { server, request } = await startServer();
    const wrong = (value: unknown) => (() => value) as never;
    const detail = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<string> =>
      (await request(method, path, { body })).json.detail;
    for (const [value, kind] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [7, 'a number'],
      ['x', 'a string'],
      [[1], 'an array'],
    ] as const) {
      server.onGetMetrics = wrong(value);
      expect(await detail('GET', '/api/metrics')).toBe(`onGetMetrics must return an object, not ${kind}.`);
    }
    server.onGetSessions = wrong({});
    expect(await detail('GET', '/api/sessions')).toBe('onGetSessions must return an array, not an object.');
    server.onListTools = wrong('x');
    expect(await detail('GET', '/api/tools')).toBe('onListTools must return an array, not a string.');
    server.onToolExecute = wrong(reply(404));
    expect(await detail('POST', '/api/tools/x', {})).toContain('onToolExecute must return a value');
    server.onPrompt = wrong(7);
    expect(await detail('POST', '/api/prompt', { prompt: 'x' })).toContain('onPrompt must return a string');
  });

  test('validates requests and trims answers with the schemas', async () => {
    const { server, request } = await startServer();
    server.addRoute(
      'PUT',
      '/items/:id',
      ({ params, query, body }) => ({ ...params, ...query, body, secret: 1 }),
      {
        scope: 'prompt',
        schema: {
          params: { type: 'object', properties: { id: { type: 'integer' } } },
          querystring: {
            type: 'object',
            properties: { dry: { type: 'boolean', default: false } },
            additionalProperties: false,
          },
          body: {
            type: 'object',
            properties: { n: { type: 'number' } },
            required: ['n'],
            additionalProperties: false,
          },
          response: {
            200: {
              type: 'object',
              properties: {
                id: { type: 'integer' },
                dry: { type: 'boolean' },
                body: { type: 'object', additionalProperties: true },
              },
              additionalProperties: false,
            },
          },
        },
      },
    );
    expect((await request('PUT', '/items/5?dry=true', { body: { n: 1 } })).json).toEqual({
      id: 5,
      dry: true,
      body: { n: 1 },
    });
    expect((await request('PUT', '/items/x', { body: { n: 1 } })).json.errors).toEqual([
      { in: 'path', pointer: '/id', message: 'must be a whole number' },
    ]);
    expect((await request('PUT', '/items/5', { body: { n: '1' } })).status).toBe(422);
    expect((await request('PUT', '/items/5')).status).toBe(400);
  });

  test('lets an open route work without a key', async () => {
    const { server, request, port } = await startServer();
    server.addRoute('GET', '/open', () => 'in', { scope: 'open' });
    server.addRoute('GET', '/files/*', () => 'in', { scope: 'open' });
    expect((await request('GET', '/open', { key: null })).status).toBe(200);
    expect((await request('GET', '/files/a/b.css', { key: null })).status).toBe(200);
    for (const path of ['/open/', '/files', '/files//a', '/openX']) {
      expect((await request('GET', path, { key: null })).status, path).toBe(401);
    }
    for (const path of ['/files/a/../b', '/files/%2e%2e/api', '/files/./a']) {
      expect((await sendOne(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).status, path).toBe(401);
    }
  });

  test('refuses routes that cannot work', async () => {
    const { server, request } = await startServer();
    const handler = (): string => 'x';
    expect(() => server.addRoute('GET', 'no-slash', handler)).toThrow(/must begin with "\/"/);
    expect(() => server.addRoute('BREW' as 'GET', '/x', handler)).toThrow(/method must be one of/);
    expect(() => server.addRoute('GET', '/x', undefined as never)).toThrow(/handler/);
    expect(() => server.addRoute('GET', '/api', handler)).toThrow(/already declared/);
    expect(() => server.addRoute('GET', '/x/:a(', handler)).toThrow(TypeError);
    expect(() => server.addRoute('GET', '/x/:id', handler, { scope: 'open' })).toThrow(/open route/);
    server.addRoute('GET', '/x/:a', handler);
    expect(() => server.addRoute('GET', '/x/:b', handler)).toThrow(TypeError);
    expect((await request('GET', '/x/1')).json).toBe('x');
  });
});
