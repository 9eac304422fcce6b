import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Logger } from '../../../src/http/logger.ts';
import { startServer, testKey } from '../start-server.ts';

/** A host's own logger that keeps its lines. */
function keepLines(): { readonly lines: Record<string, unknown>[]; readonly logger: Logger } {
  const lines: Record<string, unknown>[] = [];
  const write =
    (level: string) =>
    (fields: object | string, message?: string): void => {
      lines.push(typeof fields === 'string' ? { level, message: fields } : { level, message, ...fields });
    };
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  return { lines, logger };
}

test('a logger that throws or rejects breaks neither requests nor stop()', async () => {
  let calls = 0;
  const fail = (): undefined => {
    calls++;
    if (calls % 2 === 0) throw new Error('the logger is closed');
    return Promise.reject(new Error('the logger is closed')) as unknown as undefined;
  };
  const { request, server } = await startServer({
    config: { logger: { debug: fail, info: fail, warn: fail, error: fail } },
    handlers: {
      onToolExecute: () => {
        throw new Error('the real reason');
      },
    },
  });
  for (let i = 0; i < 3; i++) {
    expect((await request('GET', '/health')).status).toBe(200);
    expect((await request('POST', '/api/tools/x', { body: {} })).status).toBe(500);
  }
  await server.stop();
  expect(calls).toBeGreaterThan(6);
});

describe('the request log', () => {
  test('has one line per request, without query values, bodies or keys', async () => {
    const { lines, logger } = keepLines();
    const { request, server } = await startServer({
      config: { logger },
      handlers: { onToolExecute: () => 'x', onGetSessions: () => [] },
    });
    await request('GET', '/api/sessions?limit=3&cursor=topsecret');
    await request('POST', '/api/tools/x', {
      body: { password: 'hunter2' },
      headers: { cookie: 'a=topsecret' },
    });
    await request('GET', '/api', { key: 'wrong-key-topsecret' });
    await request('GET', '/health');
    await server.stop();
    const requests = lines.filter(({ message }) => message === 'request');
    expect(requests).toHaveLength(4);
    expect(requests[0]).toEqual({
      level: 'info',
      message: 'request',
      requestId: expect.stringMatching(/^req_/),
      method: 'GET',
      path: '/api/sessions',
      route: '/api/sessions',
      status: 422,
      durationMs: expect.any(Number),
      keyId: 'configured',
    });
    expect(requests[2]).toMatchObject({ status: 401, keyId: null });
    expect(requests[3]).toMatchObject({ level: 'debug', path: '/health' });
    const all = JSON.stringify(lines);
    for (const secret of ['topsecret', 'hunter2', testKey]) expect(all).not.toContain(secret);
  });

  test('has the cause of a 500 with its request id', async () => {
    const { lines, logger } = keepLines();
    const { request } = await startServer({
      config: { logger },
      handlers: {
        onToolExecute: () => {
          throw new Error('the real reason');
        },
      },
    });
    const answer = await request('POST', '/api/tools/x', { body: {} });
    expect(answer.status).toBe(500);
    const fault = lines.find(({ level }) => level === 'error');
    expect(fault).toMatchObject({
      requestId: answer.json.requestId,
      err: { message: 'the real reason', stack: expect.stringContaining('request-log.test.ts') },
    });
  });
});

describe('the JSON log of a process', () => {
  /** Runs a server that logs to standard output in a separate process, and returns its lines. */
  async function linesOf(statements: string): Promise<Record<string, unknown>[]> {
    const program = `
      import { RestApiServer } from ${JSON.stringify(new URL('../../../src/api/rest-server.ts', import.meta.url).href)};
      const server = new RestApiServer({ port: 0, logLevel: 'info', apiKey: 'log-test-key' });
      server.onToolExecute = (tool) => { if (tool === 'break') throw new Error('the reason'); return 'ok'; };
      const { url } = await server.start();
      const call = (path, headers = {}) => fetch(url + path, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'x-api-key': 'log-test-key', ...headers } });
      ${statements}
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await once(child, 'close');
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  test('is one valid line per request, complete even if the process exits at once', async () => {
    const lines = await linesOf(`
      await call('/api/tools/x', { 'x-request-id': 'quote " and \\\\\\\\ back' });
      for (let i = 0; i < 300; i++) await (await call('/api/tools/x?secret=1')).text();
      await new Promise((resolve) => setImmediate(resolve));
      process.exit(0);
    `);
    expect(lines.length).toBe(301);
    expect(lines[0]).toEqual({
      level: 30,
      time: expect.any(Number),
      requestId: 'quote " and \\\\ back',
      method: 'POST',
      path: '/api/tools/x',
      route: '/api/tools/:tool',
      status: 200,
      durationMs: expect.any(Number),
      keyId: 'configured',
      msg: 'request',
    });
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('has the line of an internal error even if the process is killed right after', async () => {
    const lines = await linesOf(`
      await (await call('/api/tools/break')).text();
      process.kill(process.pid, 'SIGKILL');
    `);
    expect(lines.some(({ level, msg }) => level === 50 && msg === 'internal error')).toBe(true);
  });
});
