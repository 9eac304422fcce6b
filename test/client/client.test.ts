import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { CodeBuddyError } from '../../src/base/errors.ts';
import {
  CodeBuddyApiError,
  CodeBuddyClient,
  CodeBuddyConnectionError,
  type StreamEvent,
} from '../../src/client/index.ts';
import { SseParser } from '../../src/client/sse-parser.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { startServer, testKey } from '../http/start-server.ts';
import { waitFor } from '../wait-for.ts';

async function startApp(home = mkdtempSync(join(tmpdir(), 'codebuddy-client-'))) {
  const { settings } = loadSettings({
    flags: { home, workspace: home, port: '0', models: 'offline' },
    environment: {},
  });
  const app = await createApp(settings);
  await app.start();
  onTestFinished(async () => {
    await app.stop();
    rmSync(home, { recursive: true, force: true });
  });
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  return { app, client, home };
}

describe('the typed client', () => {
  test('finds the local server, and has a method for every resource', async () => {
    const { client, home } = await startApp();
    writeFileSync(join(home, 'a.txt'), 'alpha');
    expect(await client.health()).toMatchObject({ status: 'ok' });
    const { response, sessionId, runId } = await client.prompt({ prompt: 'read a.txt' });
    expect(response).toBe('alpha');
    expect((await client.sessions.list()).sessions[0]?.id).toBe(sessionId);
    expect((await client.sessions.update(sessionId, { title: 'new' })).title).toBe('new');
    expect((await client.sessions.messages(sessionId)).messages).toHaveLength(3);
    expect(await client.runs.get(runId)).toMatchObject({ status: 'completed' });
    expect((await client.runs.list({ sessionId })).runs).toHaveLength(1);
    expect((await client.tools.run('read_file', { path: 'a.txt' })).result).toMatchObject({
      content: 'alpha',
    });
    expect((await client.events.list({ limit: 1 })).events[0]).toMatchObject({ sequence: 1 });
    expect((await client.eventTypes()).eventTypes.length).toBeGreaterThan(5);
    expect((await client.metrics()).metrics).toBeTruthy();
    await client.sessions.delete(sessionId);
    await expect(client.sessions.get(sessionId)).rejects.toMatchObject({
      status: 404,
      code: 'session_not_found',
    });
  });

  test('streams a run with its deltas, and replays a run from its start', async () => {
    const { client } = await startApp();
    const types: string[] = [];
    let runId = '';
    for await (const event of client.stream('help')) {
      types.push(event.type);
      runId = event.runId ?? runId;
    }
    expect(types).toContain('message.delta');
    expect(types.at(-1)).toBe('run.complete');
    const again: string[] = [];
    for await (const event of client.runs.events(runId)) again.push(event.type);
    expect(again).toEqual(types.filter((type) => type !== 'message.delta'));
  });

  test('starts runs without waiting, and cancels them', async () => {
    const { client } = await startApp();
    const run = await client.runs.start({ prompt: 'run sleep 300' });
    expect(['queued', 'running']).toContain(run.status);
    expect(await client.runs.cancel(run.id)).toMatchObject({ status: 'cancelled' });
  });

  test('an aborted prompt cancels its run', async () => {
    const { client } = await startApp();
    const controller = new AbortController();
    const answer = client.prompt({ prompt: 'run sleep 300' }, { signal: controller.signal });
    const stream = client.events.stream({ after: 0 });
    for await (const { type } of stream) if (type === 'tool.start') break;
    controller.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    for await (const { type } of client.events.stream({ after: 0 })) if (type === 'run.cancelled') break;
  });

  test('retries a call safely with the same idempotency key', async () => {
    const { client } = await startApp();
    const first = await client.prompt({ prompt: 'help' }, { idempotencyKey: 'k1' });
    expect(await client.prompt({ prompt: 'help' }, { idempotencyKey: 'k1' })).toEqual(first);
    await expect(client.prompt({ prompt: 'list' }, { idempotencyKey: 'k1' })).rejects.toMatchObject({
      status: 409,
    });
  });

  test('follows the log across restarts of the server without gaps or duplicates', async () => {
    const { app, client, home } = await startApp();
    const seen: StreamEvent[] = [];
    const controller = new AbortController();
    const following = (async () => {
      for await (const event of client.events.stream({ after: 0, signal: controller.signal }))
        seen.push(event);
    })();
    await client.prompt({ prompt: 'help' });
    await app.stop();
    // At another port.
    await startApp(home);
    const { runId } = await client.prompt({ prompt: 'help' });
    await waitFor('the end of the run', () =>
      seen.some((event) => event.type === 'run.complete' && event.runId === runId),
    );
    controller.abort();
    await expect(following).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1));
  });

  test.each([2 ** 31, Number.POSITIVE_INFINITY])('waits with a time limit of %d ms', async (timeoutMs) => {
    const { client } = await startApp();
    const { result } = await client.tools.run('bash', { command: 'sleep 0.3; echo late' }, { timeoutMs });
    expect(result).toMatchObject({ stdout: 'late\n' });
  });

  test('reports errors clearly', async () => {
    const { client, app } = await startApp();
    const stranger = new CodeBuddyClient({ url: app.url, apiKey: 'cbk_wrong_wrong_wrong' });
    await expect(stranger.status()).rejects.toMatchObject({
      name: 'CodeBuddyApiError',
      status: 401,
      code: 'unauthorized',
    });
    await expect(client.prompt({ prompt: 1 } as never)).rejects.toMatchObject({
      status: 422,
      errors: [{ pointer: '/prompt' }],
    });
    await expect(client.prompt({ prompt: 1 } as never)).rejects.toBeInstanceOf(CodeBuddyApiError);
    await expect(new CodeBuddyClient({ url: 'http://127.0.0.1:9' }).status()).rejects.toBeInstanceOf(
      CodeBuddyConnectionError,
    );
    expect(() => new CodeBuddyClient({ home: '/nowhere' })).toThrowError(CodeBuddyConnectionError);
  });
});

describe('a host application with its own agent', () => {
  test('answers prompts, and an aborted prompt ends its handler', async () => {
    let isAborted = false;
    const impatient = new AbortController();
    const { url } = await startServer({
      handlers: {
        onPrompt: async (prompt, _options, { signal }) => {
          if (prompt === 'fail') throw new CodeBuddyError('model_refused', 'not today');
          if (prompt !== 'hang') return `You said: ${prompt}`;
          return new Promise<string>(() => {
            signal.addEventListener('abort', () => {
              isAborted = true;
            });
            impatient.abort(new DOMException('It took too long.', 'TimeoutError'));
          });
        },
      },
    });
    const client = new CodeBuddyClient({ url, apiKey: testKey });
    expect(await client.prompt('hello')).toMatchObject({ response: 'You said: hello', status: 'completed' });
    await expect(client.prompt('fail')).rejects.toMatchObject({ code: 'model_refused', status: 502 });
    await expect(client.prompt('hang', { signal: impatient.signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await waitFor('the abort of the handler', () => isAborted);
    client.close();
  });
});

describe('the SSE parser', () => {
  const text =
    ': hello\r\n\r\nid: 1\nevent: a\ndata: {"x":"grüße 🐙"}\n\nid:2\rdata: one\rdata:two\r\r\nevent: empty\n\ndata\n\nretry: 5\nid: bad\0\ndata: last\n\n';
  const events = [
    { id: '1', event: 'a', data: '{"x":"grüße 🐙"}' },
    { id: '2', event: 'message', data: 'one\ntwo' },
    { id: undefined, event: 'message', data: '' },
    { id: undefined, event: 'message', data: 'last' },
  ];

  test('returns the same events for any split of the bytes', () => {
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const parser = new SseParser();
      const seen = [];
      for (let start = 0; start < bytes.length; start += size)
        seen.push(...parser.push(bytes.subarray(start, start + size)));
      expect(seen, `pieces of ${size}`).toEqual(events);
    }
  });

  test('never throws, for any input', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        const parser = new SseParser();
        for (const chunk of chunks) parser.push(chunk);
      }),
    );
  });
});

describe('the local key', () => {
  async function strangerHearing(): Promise<{
    url: (host: string) => string;
    heard: (string | undefined)[];
  }> {
    const heard: (string | undefined)[] = [];
    const stranger = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.setHeader('content-type', 'text/html').end('<html>');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '0.0.0.0', resolve));
    onTestFinished(() => {
      stranger.closeAllConnections();
      stranger.close();
    });
    return { url: (host) => `http://${host}:${(stranger.address() as AddressInfo).port}`, heard };
  }

  test('is sent to this machine only, and a server that is not this API is reported as such', async () => {
    const { home } = await startApp();
    const { url, heard } = await strangerHearing();
    const elsewhere = new CodeBuddyClient({ home, url: url('0.0.0.0') });
    await expect(elsewhere.status()).rejects.toMatchObject({
      name: 'CodeBuddyApiError',
      code: 'unknown',
      message: expect.stringContaining('not a Code Buddy API'),
    });
    expect(heard).toEqual([undefined]);
    elsewhere.close();
  });

  test('is not sent to a program that took the port of a crashed server', async () => {
    const home = mkdtempSync(join(tmpdir(), 'codebuddy-client-'));
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    const { url, heard } = await strangerHearing();
    mkdirSync(join(home, 'api'));
    writeFileSync(join(home, 'api', 'api-key'), 'cbk_secret_secret_secret\n');
    writeFileSync(join(home, 'api', 'server.json'), JSON.stringify({ url: url('127.0.0.1'), pid: 2 ** 30 }));
    expect(() => new CodeBuddyClient({ home })).toThrowError(/has ended/);
    expect(heard).toEqual([]);
  });
});
