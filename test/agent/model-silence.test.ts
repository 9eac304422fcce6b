// How long a model may say nothing: every byte counts, a request that took too long is not repeated, and near servers have more time.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { isLocalUrl } from '../../src/agent/models/local-address.ts';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { startModelServer } from './model-server.ts';
import { startAgent } from './start-agent.ts';
import { says } from './start-model-agent.ts';

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: finish }] })}\n\n`;
const whole = `${chunk('Hello')}${chunk('', 'stop')}data: [DONE]\n\n`;

/** A server of chat completions that answers each request by `answer`. */
async function startServer(
  answer: (response: ServerResponse) => Promise<void>,
): Promise<{ readonly url: string; readonly counts: { requests: number } }> {
  const counts = { requests: 0 };
  const server = createServer((request, response) => {
    counts.requests++;
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    void answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, counts };
}

async function ask(url: string, modelSilenceMs: number) {
  return startAgent({
    models: ['slow/m'],
    providers: { slow: { baseURL: url } },
    environment: {},
    modelSilenceMs,
  });
}

/** Each piece comes long before the silence ends, on a slow machine too; all together take longer than it. */
const silenceMs = 2000;
const gapMs = 150;
const pieces = 20;

it.each([
  ['comments', ': OPENROUTER PROCESSING\n\n'],
  ['pings', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ['empty lines', '\n'],
])('%s are signs of life', async (_what, sign) => {
  const { url, counts } = await startServer(async (response) => {
    for (let i = 0; i < pieces; i++) {
      response.write(sign);
      await sleep(gapMs);
    }
    response.end(whole);
  });
  const { prompt } = await ask(url, silenceMs);
  expect((await prompt('Hi')).response).toBe('Hello');
  expect(counts.requests).toBe(1);
});

it('single bytes are signs of life', async () => {
  const { url, counts } = await startServer(async (response) => {
    for (const byte of Buffer.from(whole).subarray(0, pieces)) {
      response.write(Buffer.of(byte));
      await sleep(gapMs);
    }
    response.end(Buffer.from(whole).subarray(pieces));
  });
  const { prompt } = await ask(url, silenceMs);
  expect((await prompt('Hi')).response).toBe('Hello');
  expect(counts.requests).toBe(1);
});

it('silence after signs of life ends the call, and the same model is not asked again', async () => {
  const { url, counts } = await startServer(async (response) => {
    response.write(': working\n\n');
  });
  const { prompt } = await ask(url, 300);
  const error = (await prompt('Hi').catch((reason: unknown) => reason)) as CodeBuddyError;
  expect(error.code).toBe('model_timeout');
  expect(error.message).toContain('modelSilenceMs');
  expect(counts.requests).toBe(1);
});

it('after a time-out another model of the chain is asked', async () => {
  const silent = await startServer(async () => undefined);
  const up = await startModelServer(says('from the second'));
  const { prompt } = await startAgent({
    models: ['silent/m', 'up/m'],
    providers: { silent: { baseURL: silent.url }, up: { baseURL: `${up.url}/v1` } },
    environment: {},
    modelSilenceMs: 2000,
  });
  expect((await prompt('Hi')).response).toBe('from the second');
  expect(silent.counts.requests).toBe(1);
});

it.each([408, 504, 524])('a gateway that gave up (%i) is not asked again', async (status) => {
  const server = await startModelServer({ kind: 'error', status, message: 'took too long' });
  const { prompt } = await startAgent({
    models: ['gateway/m'],
    providers: { gateway: { baseURL: `${server.url}/v1` } },
    environment: {},
  });
  const error = (await prompt('Hi').catch((reason: unknown) => reason)) as CodeBuddyError;
  expect(error.code).toBe('model_unavailable');
  expect(server.requests).toHaveLength(1);
});

it.each([
  ['http://localhost:8000/v1', true],
  ['http://127.0.0.1/v1', true],
  ['http://[::1]:1/v1', true],
  ['http://10.1.2.3/v1', true],
  ['http://172.31.0.1/v1', true],
  ['http://172.32.0.1/v1', false],
  ['http://192.168.1.20:1234/v1', true],
  ['http://100.100.1.1/v1', true],
  ['http://[fd00::1]/v1', true],
  ['http://ollama:11434/v1', true],
  ['http://gpu.local/v1', true],
  ['http://host.docker.internal:1234/v1', true],
  ['https://api.openai.com/v1', false],
  ['https://8.8.8.8/v1', false],
  ['https://localhost.example.org/v1', false],
])('%s is a near server: %s', (url, expected) => {
  expect(isLocalUrl(url)).toBe(expected);
});
