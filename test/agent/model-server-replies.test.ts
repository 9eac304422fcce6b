// The replies of the model server and the timing of their bytes, seen by plain HTTP clients.

import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type ModelReply, startModelServer } from './model-server.ts';
import { writeBody } from './model-server-body.ts';
import { type Frame, inPieces } from './model-server-wire.ts';

describe('replies', () => {
  test('a list is used in order, then its last one repeats', async () => {
    const server = await startModelServer([
      { kind: 'answer', text: 'one' },
      { kind: 'answer', text: 'two' },
    ]);
    expect([await chat(server.url), await chat(server.url), await chat(server.url)]).toEqual([
      'one',
      'two',
      'two',
    ]);
    server.reply({ kind: 'answer', text: 'three' });
    expect(await chat(server.url)).toBe('three');
    expect(server.requests).toHaveLength(4);
  });

  test('a function sees the request and its number', async () => {
    const server = await startModelServer(async (request, number) => ({
      kind: 'answer',
      text: `${number}: ${request.messages[0]?.text}`,
    }));
    expect([await chat(server.url, 'a'), await chat(server.url, 'b')]).toEqual(['1: a', '2: b']);
  });

  test('a mistake in a test is reported to its client', async () => {
    const server = await startModelServer(() => {
      throw new Error('no such reply');
    });
    const response = await post(`${server.url}/v1/chat/completions`, {});
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('no such reply')]);
    expect((await post(`${server.url}/v2/chat/completions`, {})).status).toBe(404);
    const broken = await fetch(`${server.url}/v1/messages`, { method: 'POST', body: '{' });
    expect([broken.status, await broken.json()]).toMatchObject([400, { type: 'error' }]);
  });

  test('a raw reply is sent as it is', async () => {
    const headers = { 'content-type': 'text/html', 'x-served-by': 'proxy' };
    const server = await startModelServer({ kind: 'raw', status: 502, headers, body: '<html>' });
    const response = await post(`${server.url}/v1/messages`, {});
    expect([response.status, response.headers.get('x-served-by'), await response.text()]).toEqual([
      502,
      'proxy',
      '<html>',
    ]);
  });

  test('its models are listed for clients that look for a local server', async () => {
    const server = await startModelServer(undefined, { models: ['qwen3-coder', 'gpt-oss'] });
    const openAi = await (await fetch(`${server.url}/v1/models`)).json();
    expect(openAi).toMatchObject({ object: 'list', data: [{ id: 'qwen3-coder' }, { id: 'gpt-oss' }] });
    const ollama = await (await fetch(`${server.url}/api/tags`)).json();
    expect(ollama).toMatchObject({ models: [{ name: 'qwen3-coder' }, { name: 'gpt-oss' }] });
    expect(server.requests).toEqual([]);
  });

  test('usage is streamed to OpenAI’s clients only if they ask for it', async () => {
    const server = await startModelServer({ kind: 'answer', text: 'x' });
    const url = `${server.url}/v1/chat/completions`;
    const without = await (await post(url, { stream: true })).text();
    expect(without).not.toContain('usage');
    expect(without).toMatch(/data: \[DONE\]\n\n$/);
    const asked = { stream: true, stream_options: { include_usage: true } };
    expect(await (await post(url, asked)).text()).toContain('"usage":{"prompt_tokens":10,');
  });
});

describe('the delivery of an answer', () => {
  test('has chunks of the requested size', async () => {
    const server = await startModelServer();
    const sizes = async (splitBytes: number): Promise<readonly number[]> => {
      server.reply({ kind: 'answer', text: 'Ünïcode ✓', splitBytes });
      // Not `fetch`, which joins unread chunks.
      const asked = request(`${server.url}/v1/messages`, { method: 'POST' }).end('{"stream":true}');
      const [response]: IncomingMessage[] = await once(asked, 'response');
      const chunks: number[] = [];
      response?.on('data', (chunk: Buffer) => chunks.push(chunk.length));
      await new Promise((resolve) => response?.once('end', resolve));
      return chunks;
    };
    const ones = await sizes(1);
    expect(new Set(ones)).toEqual(new Set([1]));
    const sevens = await sizes(7);
    expect(new Set(sevens.slice(0, -1))).toEqual(new Set([7]));
    expect(sevens).toHaveLength(Math.ceil(ones.length / 7));
  });

  test.each([0, 1, 333])('is cut off after exactly %i bytes', async (cutAfterBytes) => {
    const server = await startModelServer({ kind: 'answer', text: 'x'.repeat(1_000), cutAfterBytes });
    const response = await post(`${server.url}/v1/messages`, { stream: true });
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of bodyOf(response)) bytes += chunk.length;
    };
    await expect(read()).rejects.toThrow('terminated');
    expect(bytes).toBe(cutAfterBytes);
  });

  test('can be cut off, split and paced at once', async () => {
    const server = await startModelServer({
      kind: 'answer',
      text: inPieces('x'.repeat(100), 10),
      gapMs: 1,
      splitBytes: 10,
      cutAfterBytes: 1_005,
    });
    const response = await post(`${server.url}/v1/messages`, { stream: true });
    let bytes = 0;
    await expect(async () => {
      for await (const chunk of bodyOf(response)) bytes += chunk.length;
    }).rejects.toThrow('terminated');
    expect(bytes).toBe(1_005);
  });

  test('starts after the delay, with a gap between deltas', async () => {
    const server = await startModelServer({ kind: 'answer', text: ['a', 'b', 'c'], delayMs: 60, gapMs: 40 });
    const start = performance.now();
    const response = await post(`${server.url}/v1beta/models/m:streamGenerateContent?alt=sse`, {});
    // Timers may fire a millisecond early.
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    expect((await chunkSizes(response)).length).toBeGreaterThanOrEqual(3);
    expect(performance.now() - start).toBeGreaterThanOrEqual(60 + 2 * 40 - 3);
  });

  test('notices a client that leaves before any answer', async () => {
    const silences: readonly ModelReply[] = [
      { kind: 'silence' },
      { kind: 'answer', text: 'late', delayMs: 60_000 },
      { kind: 'answer', text: ['a', 'b'], gapMs: 60_000 },
      { kind: 'answer', text: 'a', silentAfter: 0 },
    ];
    const server = await startModelServer(silences);
    for (const [index] of silences.entries()) {
      const leaving = new AbortController();
      const asked = post(`${server.url}/v1/messages`, { stream: true }, leaving.signal).then((response) =>
        response.text(),
      );
      const left = expect(asked).rejects.toThrow('aborted');
      await expect.poll(() => server.requests.length).toBe(index + 1);
      expect(server.requests[index]?.isClosed()).toBe(false);
      leaving.abort();
      await left;
      await expect.poll(() => server.requests[index]?.isClosed()).toBe(true);
    }
  });

  test.each([
    ['/v1/chat/completions', 'chat.completion.chunk'],
    ['/v1/responses', 'response.output_text.delta"'],
    ['/v1/messages', 'text_delta'],
    ['/v1beta/models/m:streamGenerateContent', 'candidates'],
  ])('sends 50 000 deltas on %s', async (path, mark) => {
    const server = await startModelServer({ kind: 'answer', text: new Array<string>(50_000).fill('word ') });
    const text = await (await post(`${server.url}${path}`, { stream: true })).text();
    expect(text.split(mark).length - 1).toBeGreaterThanOrEqual(50_000);
  });

  test('generates no more than a client reads', async () => {
    let made = 0;
    function* endless(): Generator<Frame> {
      for (;;) {
        made++;
        yield { text: 'x'.repeat(1_000), isDelta: true };
      }
    }
    const gone = new AbortController();
    const written = Promise.withResolvers<void>();
    const server = createServer((_request, response) => {
      response.once('close', () => gone.abort());
      writeBody(response, endless(), {}, gone.signal).then(written.resolve, written.reject);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const leaving = new AbortController();
    const ended = expect(written.promise).rejects.toThrow('aborted');
    const response = await fetch(`http://127.0.0.1:${address.port}`, { signal: leaving.signal });
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = made > 0 && made === before;
          before = made;
          return isStill;
        },
        { interval: 100 },
      )
      .toBe(true);
    // Sockets' buffers on both sides hold some megabytes at most.
    expect(made).toBeLessThan(20_000);
    leaving.abort();
    await ended;
    await expect(response.text()).rejects.toThrow('aborted');
  });
});

function post(url: string, body: object, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body), signal });
}

async function chat(url: string, content = 'Hello'): Promise<unknown> {
  const body = { model: 'm', messages: [{ role: 'user', content }] };
  const answer = z
    .object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) })
    .parse(await (await post(`${url}/v1/chat/completions`, body)).json());
  return answer.choices[0]?.message.content;
}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

async function chunkSizes(response: Response): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const chunk of bodyOf(response)) sizes.push(chunk.length);
  return sizes;
}
