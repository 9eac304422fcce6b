// A loop of webhooks back to this server must end.

import { describe, expect, test } from 'vitest';
import type { RunService, ToolService } from '../../../src/http/services.ts';
import { startServer, testKey } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

function services() {
  const hops: (number | undefined)[] = [];
  const tools: ToolService = {
    list: () => [],
    execute: async (_tool, _params, { hop }) => {
      hops.push(hop);
      return 'done';
    },
  };
  const runs = {
    start: async ({ hop }: { hop?: number }) => {
      hops.push(hop);
      throw new Error('seen enough');
    },
    activeCount: () => 0,
  } as unknown as RunService;
  return { tools, runs, hops };
}

describe('X-CodeBuddy-Hop', () => {
  test.each(['3', '4', '99999999999999999999', '-1', '1.5', 'x', '1, 1'])(
    '%s allows reads only',
    async (hop) => {
      const { hops, ...rest } = services();
      const { request } = await startServer({ services: rest });
      const headers = { 'x-codebuddy-hop': hop };
      for (const path of ['/api/tools/x', '/api/prompt', '/nowhere']) {
        const answer = await request('POST', path, { headers, body: { prompt: 'x' } });
        expect(answer.status, answer.text).toBe(508);
        expect(answer.json).toMatchObject({ code: 'loop_detected' });
      }
      expect((await request('GET', '/api/tools', { headers })).status).toBe(200);
      expect((await request('GET', '/health', { headers })).status).toBe(200);
      expect(hops).toEqual([]);
    },
  );

  test.each([
    [undefined, 0],
    ['0', 0],
    ['1', 1],
    ['2', 2],
  ])('%s is passed to the work as %i', async (hop, expected) => {
    const { hops, ...rest } = services();
    const { request } = await startServer({ services: rest });
    const headers: Record<string, string> = hop === undefined ? {} : { 'x-codebuddy-hop': hop };
    expect((await request('POST', '/api/tools/x', { headers, body: {} })).status).toBe(200);
    await request('POST', '/api/prompt', { headers, body: { prompt: 'x' } });
    expect(hops).toEqual([expected, expected]);
  });

  test('given twice counts as too many', async () => {
    const { hops, ...rest } = services();
    const { port } = await startServer({ services: rest });
    const answer = await sendOne(
      port,
      `POST /api/tools/x HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${testKey}\r\nX-CodeBuddy-Hop: 1\r\n` +
        'x-codebuddy-hop: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );
    expect(answer.json).toMatchObject({ status: 508, code: 'loop_detected' });
    expect(hops).toEqual([]);
  });

  test('is checked after the key', async () => {
    const { request } = await startServer();
    const headers = { 'x-codebuddy-hop': '3' };
    expect((await request('POST', '/api/tools/x', { headers, body: {}, key: null })).status).toBe(401);
  });
});
