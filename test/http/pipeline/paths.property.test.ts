import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RestApiServer } from '../../../src/api/rest-server.ts';
import { sendOne } from './raw-socket.ts';

const key = 'property-key';
const server = new RestApiServer({ port: 0, apiKey: key });
let port = 0;

beforeAll(async () => {
  server.onToolExecute = (tool, params) => ({ tool, params });
  server.addRoute('GET', '/echo/:text', ({ params }) => params);
  server.addRoute('GET', '/open/here', () => 'open', { scope: 'open' });
  ({ port } = await server.start());
});
afterAll(() => server.stop());

const get = (
  target: string,
  withKey: boolean,
): Promise<{ status: number; json: { text?: string; code?: string } }> =>
  sendOne(port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${withKey ? `X-API-Key: ${key}\r\n` : ''}\r\n`);

/** Parts of malicious paths. */
const piece = fc.constantFrom(
  '/',
  '//',
  '/.',
  '/..',
  '/./',
  '/../',
  '%2f',
  '%2F',
  '%2e',
  '%2e%2e',
  '%5c',
  '\\',
  ';',
  '%00',
  '%25',
  '%',
  '?',
  '&',
  '=',
  '*',
  ':',
  'health',
  'api',
  'open',
  'here',
  'docs',
  'openapi.json',
  'HEALTH',
  '%68ealth',
  'tools',
  'status',
  'é',
  '~',
  '@',
);
const target = fc
  .array(piece, { minLength: 1, maxLength: 8 })
  .map((pieces) => `/${Buffer.from(pieces.join('')).toString('latin1')}`);
const openPaths = new Set(['/health', '/docs', '/openapi.json', '/open/here']);

describe('for any path', () => {
  test('only the open paths are answered without a key', async () => {
    await fc.assert(
      fc.asyncProperty(target, async (path) => {
        const { status } = await get(path, false);
        const plain = path.split('?')[0] as string;
        if (openPaths.has(plain) && status !== 400) expect(status).toBe(200);
        else expect([400, 401]).toContain(status);
      }),
      { numRuns: 400 },
    );
  });

  test('no path is answered 5xx with a key', async () => {
    await fc.assert(
      fc.asyncProperty(target, async (path) => {
        expect((await get(path, true)).status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
  });

  test('a parameter is decoded as it was encoded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), async (text) => {
        const { status, json } = await get(`/echo/${encodeURIComponent(text.toWellFormed())}`, true);
        if (text === '.' || text === '..') return;
        expect(status).toBe(200);
        expect(json.text).toBe(text.toWellFormed());
      }),
      { numRuns: 300 },
    );
  });

  test('any JSON passes through a tool unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (params) => {
        const text = JSON.stringify(params);
        fc.pre(!/__proto__|constructor/.test(text));
        const body = Buffer.from(text);
        const answer = await sendOne(port, [
          `POST /api/tools/x HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
          body,
        ]);
        expect(answer.json).toEqual({ result: { tool: 'x', params: JSON.parse(text) } });
      }),
      { numRuns: 200 },
    );
  });
});
