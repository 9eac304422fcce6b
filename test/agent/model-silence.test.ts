// The time limit for silent models: every byte counts, a request that timed out is not repeated, and local servers get
// more time.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { makeLoader } from '../../src/agent/models/agent-models.ts';
import { isLocalUrl } from '../../src/agent/models/local-address.ts';
import { callModel } from '../../src/agent/models/model-call.ts';
import { createModelHttp } from '../../src/agent/models/model-http.ts';
import { proxiesFrom } from '../../src/agent/outbound-http.ts';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { waitFor } from '../wait-for.ts';
import { holdSilence } from './hold-silence.ts';
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

const silenceMs = 120_000;
const pieces = 20;

/**
 * Calls a server that sends `signs` one by one, then a whole answer. Each is sent after the one before has arrived and
 * most of the silence limit has passed.
 */
async function askSlowly(signs: readonly Buffer[], rest: Buffer | string): Promise<string> {
  const passSilence = holdSilence();
  let arrivedBytes = 0;
  const { url } = await startServer(async (response) => {
    let sentBytes = 0;
    for (const sign of signs) {
      response.write(sign);
      sentBytes += sign.length;
      await waitFor('the sign arrives', () => arrivedBytes === sentBytes);
      passSilence(0.9 * silenceMs);
    }
    response.end(rest);
  });
  const http = createModelHttp(proxiesFrom({}));
  onTestFinished(() => http.close());
  const loader = makeLoader({
    configured: ['slow/m'],
    origin: 'the test',
    providers: { slow: { baseURL: url } },
    environment: {},
    async fetch(target, init) {
      const { body, status, headers } = await http.fetch(target, init);
      const counted = body?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            arrivedBytes += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
      return new Response(counted ?? null, { status, headers });
    },
  });
  const { text } = await callModel({
    model: await loader.load('slow/m'),
    options: { prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] },
    onText: () => undefined,
    signal: new AbortController().signal,
    silenceMs,
  });
  return text;
}

it.each([
  ['comments', ': OPENROUTER PROCESSING\n\n'],
  ['pings', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ['empty lines', '\n'],
])('a model that sends %s is waited for', async (_what, sign) => {
  const signs = new Array<Buffer>(pieces).fill(Buffer.from(sign));
  expect(await askSlowly(signs, whole)).toBe('Hello');
});

it('a model that sends single bytes is waited for', async () => {
  const bytes = Buffer.from(whole);
  const signs = [...bytes.subarray(0, pieces)].map((byte) => Buffer.of(byte));
  expect(await askSlowly(signs, bytes.subarray(pieces))).toBe('Hello');
});

it('silence in the middle of an answer ends the call, and the same model is not asked again', async () => {
  const passSilence = holdSilence();
  const { url, counts } = await startServer(async (response) => void response.write(chunk('Hel')));
  const { prompt, log } = await startAgent({
    models: ['slow/m'],
    providers: { slow: { baseURL: url } },
    environment: {},
  });
  const items = log.subscribe({ after: 0, deltas: true });
  const failing = prompt('Hi').catch((reason: unknown) => reason);
  for await (const { kind } of items) if (kind === 'delta') break;
  passSilence();
  const error = (await failing) as CodeBuddyError;
  expect(error.code).toBe('model_timeout');
  expect(error.message).toContain('modelSilenceMs');
  expect(counts.requests).toBe(1);
});

it('after a timeout the next model of the chain is asked', async () => {
  const passSilence = holdSilence();
  // The silent model has its request, so its time starts now.
  const silent = await startServer(async () => passSilence());
  const up = await startModelServer(says('from the second'));
  const { prompt } = await startAgent({
    models: ['silent/m', 'up/m'],
    providers: { silent: { baseURL: silent.url }, up: { baseURL: `${up.url}/v1` } },
    environment: {},
  });
  expect((await prompt('Hi')).response).toBe('from the second');
  expect(silent.counts.requests).toBe(1);
});

it.each([408, 504, 524])('a gateway that answers %i is not asked again', async (status) => {
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
])('%s counts as a local model server: %s', (url, expected) => {
  expect(isLocalUrl(url)).toBe(expected);
});
