// A proxy in front of a server that injects a fault: `http://127.0.0.1:PORT/FAULT/NAME` is the URL for a client.
// Temporary faults occur once for each NAME. It also serves a page, so that a browser can use the client without CORS.

import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface FaultyProxy {
  readonly url: string;
  /** The requests with their fault and name, such as `busy/1 POST /api/sessions`. */
  readonly requests: { readonly name: string; readonly line: string }[];
}

export interface FaultyProxyOptions {
  /** The real server. */
  readonly target: string;
  /** Served as `/client.js`. @default none */
  readonly script?: string;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the API. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly isFirst: boolean;
}

export async function startFaultyProxy({ target, script = '' }: FaultyProxyOptions): Promise<FaultyProxy> {
  const requests: FaultyProxy['requests'] = [];
  const failed = new Set<string>();

  /** Passes the request on. `onAnswer` gets the answer before it is passed back; false keeps it. */
  function pass(
    { request, response, path, headers }: Exchange,
    onAnswer: (answer: IncomingMessage) => boolean = () => true,
  ): void {
    const { host: _host, origin: _origin, connection: _connection, ...rest } = headers;
    const { method } = request;
    const onward = sendRequest(target + path, { method, headers: rest, agent: false }, (answer) => {
      if (!onAnswer(answer)) return;
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  const faults: Readonly<Record<string, (exchange: Exchange) => void>> = {
    pass: (exchange) => pass(exchange),
    // The server does the work, and the answer never arrives.
    lose: (exchange) =>
      pass(exchange, (answer) => {
        if (!exchange.isFirst) return true;
        answer.resume();
        // A stream may have no end, so its head is lost.
        answer.once(/event-stream/.test(answer.headers['content-type'] ?? '') ? 'data' : 'end', () =>
          exchange.response.destroy(),
        );
        return false;
      }),
    // The stream breaks in its middle: after its first delta and a part of the next message.
    cut: (exchange) =>
      pass(exchange, (answer) => {
        if (!exchange.isFirst || !/event-stream/.test(answer.headers['content-type'] ?? '')) return true;
        let text = '';
        exchange.response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.on('data', (chunk: Buffer) => {
          const before = text;
          text += chunk.toString();
          const end = text.indexOf('\n\n', Math.max(0, text.indexOf('event: message.delta')));
          if (!text.includes('event: message.delta') || end < 0) return exchange.response.write(chunk);
          exchange.response.write(text.slice(before.length, end + 5), () => exchange.response.destroy());
        });
        answer.on('error', () => undefined);
        return false;
      }),
    busy: (exchange) =>
      exchange.isFirst
        ? problem(exchange.response, 429, 'too_many_runs', { 'retry-after': '1' })
        : pass(exchange),
    // What a proxy says while the server restarts.
    restarting: (exchange) =>
      exchange.isFirst
        ? exchange.response.writeHead(503, { 'retry-after': '1', 'content-type': 'text/html' }).end('<h1>503')
        : pass(exchange),
    patient: ({ response }) => problem(response, 429, 'too_many_runs', { 'retry-after': '3600' }),
    broken: ({ response }) => problem(response, 500, 'internal_error', {}),
    silent: () => undefined,
  };

  const server = createServer((request, response) => {
    const url = request.url ?? '';
    if (url === '/page') {
      response.setHeader('content-type', 'text/html');
      return response.end('<!doctype html><title>page</title>');
    }
    if (url === '/client.js') return response.setHeader('content-type', 'text/javascript').end(script);
    const [, fault = '', name = '', ...rest] = url.split('/');
    const key = `${fault}/${name}`;
    const isFirst = !failed.has(key);
    // A GET does not use up `lose`, which is for requests that change something.
    if (request.method !== 'GET' || fault !== 'lose') failed.add(key);
    const path = `/${rest.join('/')}`;
    requests.push({ name: key, line: `${request.method} ${path}` });
    const run = faults[fault];
    if (run === undefined) return response.writeHead(404).end();
    run({ request, response, path, headers: request.headers, isFirst });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function problem(response: ServerResponse, status: number, code: string, headers: OutgoingHttpHeaders): void {
  const body = { type: 'about:blank', title: code, status, code, detail: `${code}.`, requestId: 'req-1' };
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify(body));
}
