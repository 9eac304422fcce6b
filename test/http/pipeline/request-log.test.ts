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

describe('the request log', () => {
  test('has one line a request, with no query values, bodies or keys in it', async () => {
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

  test('has the cause of a 500 under its request id', async () => {
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
