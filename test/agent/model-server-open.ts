// A local server with the wire formats of model providers over a real socket. It does not depend on vitest, so
// benchmarks can use it. Accepts `POST` in OpenAI's two formats, Anthropic's and Google's, and lists models for clients
// that look for a local server.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropicWire } from './model-server-anthropic.ts';
import { writeBody } from './model-server-body.ts';
import { GOOGLE_PATH, googleWire } from './model-server-google.ts';
import { openAiError, openAiWire } from './model-server-openai.ts';
import { createResponsesWire } from './model-server-responses.ts';
import type {
  DecideReply,
  ModelReply,
  ModelRequest,
  ModelServer,
  ModelServerOptions,
  Replies,
  WireFormat,
} from './model-server-types.ts';
import { completeAnswer, type Wire } from './model-server-wire.ts';

export async function openModelServer(
  reply: Replies = { kind: 'answer', text: 'Done.' },
  { models = ['test-model'], port = 0 }: ModelServerOptions = {},
): Promise<ModelServer> {
  const requests: ModelRequest[] = [];
  let decide = decider(reply);
  const wires: Readonly<Record<WireFormat, Wire>> = {
    openai: openAiWire,
    'openai-responses': createResponsesWire(),
    anthropic: anthropicWire,
    google: googleWire,
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (incoming.url ?? '').replace(/\?.*$/, '');
    const list = incoming.method === 'GET' ? modelList(path, models) : undefined;
    if (list !== undefined) return sendJson(response, 200, list);
    const format = incoming.method === 'POST' ? formatOf(path) : undefined;
    if (format === undefined) {
      return sendJson(response, 404, openAiError(404, `There is no ${incoming.method} ${path}.`));
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const wire = wires[format];
    const body = await readJson(incoming);
    if (body === undefined) return sendJson(response, 400, wire.error(400, 'The body is not JSON.'));
    const request: ModelRequest = {
      format,
      path,
      headers: incoming.headers,
      body,
      ...wire.read(body, path),
      isClosed: () => response.destroyed && !response.writableFinished,
    };
    const number = requests.push(request);
    const chosen = await decide(request, number);
    gone.signal.throwIfAborted();
    const answering = { wire, request, number, response, signal: gone.signal };
    await send(chosen, answering);
  };

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      // A client that has left needs no answer. A fault of a test's own `reply` must be visible to its client.
      if (response.destroyed) return;
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, openAiError(500, `The test's reply failed: ${String(error)}`));
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    reply(next) {
      decide = decider(next);
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const PATHS: Readonly<Record<string, WireFormat>> = {
  '/v1/chat/completions': 'openai',
  '/v1/responses': 'openai-responses',
  '/v1/messages': 'anthropic',
};

function formatOf(path: string): WireFormat | undefined {
  return GOOGLE_PATH.test(path) ? 'google' : PATHS[path];
}

function decider(replies: Replies): DecideReply {
  if (typeof replies === 'function') return replies;
  const list: readonly ModelReply[] = 'kind' in replies ? [replies] : replies;
  let next = 0;
  return () => {
    const reply = list[Math.min(next++, list.length - 1)];
    if (reply === undefined) throw new Error('the list of replies is empty');
    return reply;
  };
}

interface Answering {
  readonly wire: Wire;
  readonly request: ModelRequest;
  readonly number: number;
  readonly response: ServerResponse;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
}

async function send(reply: ModelReply, answering: Answering): Promise<void> {
  const { wire, request, number, response, signal } = answering;
  switch (reply.kind) {
    case 'silence':
      return;
    case 'raw':
      response.writeHead(reply.status, { ...reply.headers }).end(reply.body);
      return;
    case 'error': {
      const error = wire.error(
        reply.status,
        reply.message ?? `The model server was told to say ${reply.status}.`,
      );
      return sendJson(response, reply.status, error, reply.headers);
    }
    case 'answer': {
      if (reply.delayMs !== undefined) await sleep(reply.delayMs, undefined, { signal });
      const answer = completeAnswer(reply, request.model, number);
      const type = request.isStream ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' });
      const frames = request.isStream
        ? wire.stream(answer, request.body)
        : [{ text: JSON.stringify(wire.whole(answer, request.body)), isDelta: false }];
      await writeBody(response, frames, reply, signal);
    }
  }
}

function modelList(path: string, models: readonly string[]): object | undefined {
  if (path === '/v1/models') {
    const data = models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'test' }));
    return { object: 'list', data };
  }
  if (path === '/api/tags') {
    const modified_at = '2026-01-01T00:00:00Z';
    return { models: models.map((name) => ({ name, model: name, modified_at, size: 1, details: {} })) };
  }
  return undefined;
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
