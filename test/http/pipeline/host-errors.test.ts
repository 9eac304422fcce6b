// Errors of a host's handlers: each has the same status in the status line, the body, the log and the stream.

import { expect, test } from 'vitest';
import { CodeBuddyError } from '../../../src/base/errors.ts';
import type { RequestEvent } from '../../../src/http/pipeline/request-record.ts';
import { startServer } from '../start-server.ts';

const misleading = {
  'a status': { status: 404 },
  'a statusCode': { statusCode: 403, expose: true },
  'a status that is no error': { status: 204 },
  'the code of a lost connection': { code: 'ECONNRESET' },
  'a code of Fastify': { code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 },
  'a code of ours': { code: 'session_busy' },
  'misfits of a schema of its own': { validation: [{ instancePath: '/a', keyword: 'type', params: {} }] },
};

test.each(Object.entries(misleading))(
  'a tool that throws an error with %s is answered as an internal error',
  async (_name, more) => {
    const events: RequestEvent[] = [];
    const faults: Error[] = [];
    const { request } = await startServer({
      handlers: {
        onToolExecute: (tool) => {
          const error = Object.assign(new Error('not for clients'), more);
          if (tool === 'later') return Promise.reject(error);
          throw error;
        },
        onPrompt: () => Promise.reject(Object.assign(new Error('not for clients'), more)),
        onGetSessions: () => Promise.reject(Object.assign(new Error('not for clients'), more)),
      },
      setUp: (server) => {
        server.on('request', (event) => events.push(event));
        server.on('error', (error) => faults.push(error));
        server.addRoute('GET', '/added', () => {
          throw Object.assign(new Error('not for clients'), more);
        });
      },
    });
    const answers = [
      await request('POST', '/api/tools/now', { body: {} }),
      await request('POST', '/api/tools/later', { body: {} }),
      await request('POST', '/api/prompt', { body: { prompt: 'x' } }),
      await request('POST', '/api/prompt', { body: { prompt: 'x' }, headers: { 'idempotency-key': 'a' } }),
      await request('GET', '/api/sessions'),
      await request('GET', '/added'),
    ];
    for (const { status, json, text } of answers) {
      expect({ status, inBody: json.status, code: json.code }).toEqual({
        status: 500,
        inBody: 500,
        code: 'internal_error',
      });
      expect(text).not.toContain('not for clients');
    }
    expect(events.map(({ status }) => status)).toEqual(answers.map(() => 500));
    expect(faults).toHaveLength(answers.length);
  },
);

test('a CodeBuddyError sets the status, even from another copy of the package', async () => {
  class CodeBuddyErrorOfAnotherCopy extends Error {
    override readonly name = 'CodeBuddyError';
    readonly code = 'tool_failed';
  }
  const { request } = await startServer({
    handlers: {
      onToolExecute: (tool) => {
        if (tool === 'ours') throw new CodeBuddyError('tool_failed', 'It is out of paper');
        throw new CodeBuddyErrorOfAnotherCopy('It is out of paper');
      },
    },
  });
  for (const tool of ['ours', 'theirs']) {
    expect(await request('POST', `/api/tools/${tool}`, { body: {} })).toMatchObject({
      status: 422,
      json: { code: 'tool_failed', status: 422, detail: 'It is out of paper' },
    });
  }
});

test('a run.failed of a host has the same code in a stream and in an answer', async () => {
  const { request } = await startServer({
    handlers: {
      onPrompt: async function* (prompt) {
        yield { type: 'message.delta', data: { text: 'so far' } };
        yield { type: 'run.failed', data: { code: prompt, message: 'It took too long' } };
      },
    },
  });
  const send = (prompt: string, headers = {}) =>
    request('POST', '/api/prompt', { body: { prompt }, headers });
  expect(await send('run_timeout')).toMatchObject({ status: 504, json: { code: 'run_timeout' } });
  expect(await send('invented')).toMatchObject({ status: 500, json: { code: 'internal_error' } });
  const { text } = await send('run_timeout', { accept: 'text/event-stream' });
  expect(text).toContain('"data":{"code":"run_timeout","message":"It took too long"}');
});

test('a request to an added route with an invalid schema is an internal error that names the fault', async () => {
  const faults: Error[] = [];
  const { request } = await startServer({
    setUp: (server) => {
      server.on('error', (error) => faults.push(error));
      const body = { type: 'object', properties: { a: { minLength: -1 } } } as const;
      server.addRoute('POST', '/added', () => 1, { schema: { body } });
    },
  });
  for (let tries = 1; tries <= 2; tries++) {
    expect(await request('POST', '/added', { body: { a: 'x' } })).toMatchObject({ status: 500 });
    expect(faults).toHaveLength(tries);
    expect(faults.at(-1)?.message).toBe('schema is invalid: data/properties/a/minLength must be >= 0');
  }
});
