// Code written for the first version compiles against the published package, and works.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { getApiServer, RestApiServer, startApiServer, stopApiServer } from '../../src/index.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { startWebhooks, temporaryHome } from '../webhooks/start-webhooks.ts';
import {
  createServer,
  describe as describeEvent,
  receive,
  sendWebhooks,
  shareOneServer,
} from './first-version-host.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Installs the package in a separate project. Returns the compiler's output for the program. */
async function compile(program: string, options: Readonly<Record<string, unknown>>): Promise<string> {
  expect(existsSync(join(root, 'dist/index.d.ts')), 'dist is built').toBe(true);
  const folder = temporaryHome();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/codebuddy-api'));
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'host.ts'), program);
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    noEmit: true,
    types: ['node'],
    ...options,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['host.ts'] }));
  try {
    return (
      await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], {
        cwd: folder,
      })
    ).stdout;
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error);
  }
}

describe('against the types of the package', () => {
  const host = readFileSync(new URL('first-version-host.ts', import.meta.url), 'utf8').replaceAll(
    '../../src/index.ts',
    'codebuddy-api',
  );

  test.each([
    {},
    {
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: false,
    },
  ])('a host of the first version compiles in strict mode, with %j', async (options) => {
    expect(await compile(host, { skipLibCheck: true, ...options })).toBe('');
  });

  test('calls that cannot work do not compile', async () => {
    const said = await compile(
      `import { type ApiResponse, RestApiServer, type StreamEvent, WebhookManager } from 'codebuddy-api';
       const bare: ApiResponse = { status: 404, body: {} };
       export const read = (event: StreamEvent) => event.type === 'tool.start' && event.data.text;
       export const id: string = new WebhookManager().register({ url: 'https://example.org/' });
       new RestApiServer({ port: 'x' });`,
      { skipLibCheck: true },
    );
    const lines = [...said.matchAll(/^host\.ts\((\d+),/gm)].map(([, line]) => Number(line));
    expect(lines).toEqual([2, 3, 4, 5]);
  });

  test('every name is exported from the root and from its own entry point', async () => {
    const { stdout } = await run(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const load = async (name) => Object.keys(await import(name));
       console.log(JSON.stringify([await load('codebuddy-api'), await load('codebuddy-api/webhooks'), await load('codebuddy-api/client')]))`,
      ],
      { cwd: root },
    );
    const [main, webhooks, client] = JSON.parse(stdout) as string[][];
    expect(main).toEqual(
      expect.arrayContaining([
        ...['RestApiServer', 'getApiServer', 'startApiServer', 'stopApiServer', 'reply', 'CodeBuddyError'],
        ...['WebhookManager', 'getWebhookManager', 'emitWebhook', 'verifyWebhook', 'verifySignature'],
        ...['CodeBuddyClient', 'ApiError', 'PermissionRequiredError', 'ServerUnreachableError'],
      ]),
    );
    expect(webhooks).toEqual(expect.arrayContaining(['WebhookManager', 'emitWebhook', 'CodeBuddyError']));
    expect(client).toEqual(expect.arrayContaining(['CodeBuddyClient', 'PermissionRequiredError']));
  });
});

describe('at run time', () => {
  test('the server of a host of the first version works', async () => {
    const server = createServer({ port: 0 });
    onTestFinished(() => server.stop());
    const { url } = await server.start();
    expect(`${server.getAddress()}/health`).toBe(`${url}/health`);
    const get = async (path: string, body?: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(
        url + path,
        body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) },
      );
      return { status: response.status, json: (await response.json()) as Record<string, unknown> };
    };
    expect((await get('/api/prompt', { prompt: 'hi', options: { model: 'm' } })).json.response).toBe(
      'hi (m)',
    );
    expect((await get('/api/tools/add', { a: 1 })).json).toEqual({
      result: { tool: 'add', params: { a: 1 } },
    });
    expect((await get('/api/sessions')).json.sessions).toEqual([{ id: 'one' }]);
    expect((await get('/api/metrics')).json.metrics).toMatchObject({ answered: 1 });
    expect((await get('/api/jobs/1')).json).toEqual({ id: 1 });
    expect(await get('/api/jobs/2')).toEqual({ status: 404, json: { error: 'no such job' } });
  });

  test.each([[''], [undefined], [[]], [['', undefined]]])('apiKey %j means none', async (apiKey) => {
    const server = new RestApiServer({ port: 0, apiKey });
    onTestFinished(() => server.stop());
    const { url } = await server.start();
    expect((await fetch(`${url}/api`)).status).toBe(200);
    await expect(new RestApiServer({ port: 0, host: '0.0.0.0', apiKey }).start()).rejects.toThrow(/API key/);
    expect(() => new RestApiServer({ apiKey: 7 as never })).toThrow(TypeError);
  });

  test('one server is shared; a second, different config is refused', async () => {
    expect(await shareOneServer()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    onTestFinished(() => stopApiServer());
    const server = getApiServer({ port: 0, allowedHosts: ['a.example'] });
    expect(getApiServer()).toBe(server);
    expect(getApiServer({ port: 0, allowedHosts: ['a.example'] })).toBe(server);
    expect(() => getApiServer({ port: 0, allowedHosts: ['b.example'] })).toThrow(TypeError);
    await expect(startApiServer({ port: 1 })).rejects.toThrow(/stopApiServer\(\) first/);
    await stopApiServer();
    expect(getApiServer({ port: 0 })).not.toBe(server);
  });

  test('routes without a handler answer as docs/library.md describes', async () => {
    const server = new RestApiServer({ port: 0 });
    onTestFinished(() => server.stop());
    const { url } = await server.start();
    const read = async (path: string) => {
      const response = await fetch(url + path);
      return [response.status, await response.json()] as const;
    };
    expect(await read('/api/tools')).toMatchObject([503, { code: 'handler_not_configured' }]);
    expect(await read('/api/sessions')).toMatchObject([503, { code: 'handler_not_configured' }]);
    expect(await read('/api/metrics')).toMatchObject([200, { metrics: expect.any(Object) }]);
    server.onToolExecute = async () => 1;
    expect(await read('/api/tools')).toMatchObject([200, { tools: [] }]);
  });

  test('webhooks of a host of the first version are delivered with the signature of that version', async () => {
    const receiver = await startReceiver();
    const history = await sendWebhooks(temporaryHome(), receiver.url);
    expect(history).toMatchObject([{ event: 'tool.complete', status: 'success', attempts: 1 }]);
    const [request] = receiver.requests;
    const headers = Object.fromEntries(
      Object.entries(request?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    const body = String(request?.body);
    expect(receive(body, headers, 'a secret of sixteen or more')).toBe('bash');
    expect(receive(body, headers, 'another secret of that length')).toBeUndefined();
  });

  test('exactly the headers that docs/migrating.md calls reserved are refused', async () => {
    const { webhooks } = startWebhooks();
    const guide = readFileSync(join(root, 'docs/migrating.md'), 'utf8');
    const [, row = ''] = /^\| `headers` \|[^|]*\|([^\n]*)\|$/m.exec(guide) ?? [];
    const names = [...row.matchAll(/`([a-z0-9-]+)`/g)].map(([, name = '']) =>
      name.endsWith('-') ? `${name}x` : name,
    );
    expect(names.length).toBeGreaterThan(10);
    for (const name of names)
      await expect(
        webhooks.register({ url: 'http://127.0.0.1:4999/', headers: { [name]: '1' } }),
        name,
      ).rejects.toMatchObject({ code: 'validation_failed' });
    const allowed = { authorization: 'Bearer x', cookie: 'a=b', accept: '*/*', 'x-team': 'core' };
    await webhooks.register({ url: 'http://127.0.0.1:4999/', headers: allowed });
  });

  test('the messages of a stream are discriminated by their type', () => {
    const timestamp = new Date().toISOString();
    expect(describeEvent({ type: 'message.delta', timestamp, data: { text: 'hi' } })).toBe('hi');
    expect(describeEvent({ type: 'gap', sequence: 3, data: { firstSequence: 4 } })).toBe('4');
  });
});
