// Sends one POST to a receiver. The result arrives within the timeout and in bounded memory, even if the receiver
// misbehaves. Each request has its own connection; reusable connections wait in a small pool for each origin. Uses
// undici's Client, HTTP/1.1 only: a receiver can crash the `fetch` of Node 24 (nodejs/undici#5360).
//
// Over 400 lines: a request, its connection and the pool share one state, from the connection to the end of the body.

import type { Socket } from 'node:net';
import type { Client, Dispatcher } from 'undici';
import { cutHead, wellFormed } from '../base/text.ts';
import type { WebhookTls } from '../contract/webhook-tls.ts';
import { type AnswerHead, createAnswerHead } from './answer-head.ts';
import type { Connector } from './connector.ts';
import {
  http2Only,
  type ReceiverHeaders,
  reasonOf,
  TransportError,
  type TransportResult,
  tellingOf,
} from './transport-result.ts';

export interface TransportRequest {
  readonly url: URL;
  /** Flat: name, value, name, value; in the order in which they are sent. */
  readonly headers: string[];
  readonly body: Uint8Array;
  /** In ms, from now to the answer's headers: name lookup, connection, TLS and request included. */
  readonly timeoutMs: number;
  /** Of the webhook. Connections are shared only between requests with the same `tls`. */
  readonly tls?: WebhookTls;
  /** Ends the request: the result is `connection_closed`, unless the answer was there already. */
  readonly signal?: AbortSignal;
  /** Called when the connection is there, directly before the request is written. May abort `signal`. */
  readonly beforeWrite?: () => void;
}

export interface Transport {
  /** Never rejects. */
  send(request: TransportRequest): Promise<TransportResult>;
  /** Closes idle connections now, and busy ones after their request. */
  purge(): void;
  /** The number of idle connections. */
  idleCount(): number;
  /** Closes all connections. Requests under way end as `connection_closed`. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly connect: Connector;
  /** Loads undici's Client; called for the first request. */
  readonly loadClient: () => Promise<typeof Client>;
  /** How long a connection stays idle, in ms: less than the 5 s after which many servers close it. @default 4000 */
  readonly keepAliveMs?: number;
  /** @default 512 */
  readonly maxIdle?: number;
}

/** Limits of an answer's body: bytes read, and bytes kept. */
const maxBodyBytes = 64 * 1024;
const maxExcerptBytes = 4 * 1024;
const maxHeaderBytes = 16 * 1024;
/** How long a body may take after the headers, since the outcome is known by then. */
const bodyGraceMs = 2000;
/**
 * A used connection that closes this soon was closed by the receiver before the request arrived, so the request is sent
 * again.
 */
const staleMs = 1000;

export function createTransport({
  connect,
  loadClient,
  keepAliveMs = 4000,
  maxIdle = 512,
}: TransportOptions): Transport {
  const idle = new Map<string, Connection[]>();
  let idleTotal = 0;
  let generation = 0;
  const active = new Set<Connection>();
  let closed = false;
  let makeClient: typeof Client | undefined;

  function open({ url, tls, timeoutMs }: TransportRequest, clientClass: typeof Client): Connection {
    const opening = new AbortController();
    const head = createAnswerHead();
    const connection: Connection = {
      client: new clientClass(url.origin, {
        connect: (_options, callback) => {
          const target = { origin: url, timeoutMs, signal: opening.signal };
          connect(tls === undefined ? target : { ...target, tls }).then(
            (socket) => {
              watchReads(socket, head);
              callback(null, socket);
            },
            (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
          );
        },
        pipelining: 1,
        // The timer below limits the whole attempt; undici's idle timeouts would not.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: keepAliveMs,
        keepAliveMaxTimeout: keepAliveMs,
        maxHeaderSize: maxHeaderBytes,
        // A body shorter than announced does not change the status.
        strictContentLength: false,
      }),
      key: keyOf(url, tls),
      head,
      opening,
      generation,
      isConnected: false,
      uses: 0,
    };
    connection.client.on('connect', () => {
      connection.isConnected = true;
      connection.uses = 0;
    });
    connection.client.on('disconnect', () => {
      connection.isConnected = false;
      forget(connection);
    });
    return connection;
  }

  /** Removes a connection from the pool and closes it. */
  function forget(connection: Connection): void {
    const list = idle.get(connection.key);
    const index = list?.indexOf(connection) ?? -1;
    if (list === undefined || index === -1) return;
    list.splice(index, 1);
    if (list.length === 0) idle.delete(connection.key);
    idleTotal--;
    connection.client.destroy().catch(ignore);
  }

  function take(request: TransportRequest, clientClass: typeof Client): Connection {
    const key = keyOf(request.url, request.tls);
    const list = idle.get(key);
    // The most recently used one is the least likely to have been closed.
    const connection = list?.pop();
    if (list !== undefined && connection !== undefined) {
      if (list.length === 0) idle.delete(key);
      idleTotal--;
      return connection;
    }
    return open(request, clientClass);
  }

  function giveBack(connection: Connection): void {
    connection.head.reset();
    if (closed || !connection.isConnected || connection.generation !== generation) {
      connection.client.destroy().catch(ignore);
      return;
    }
    let list = idle.get(connection.key);
    if (list === undefined) {
      list = [];
      idle.set(connection.key, list);
    }
    list.push(connection);
    idleTotal++;
    if (idleTotal > maxIdle) {
      const oldest = idle.values().next().value?.[0];
      if (oldest !== undefined) forget(oldest);
    }
  }

  function attempt(
    connection: Connection,
    request: TransportRequest,
    startedAt: number,
    settle: (result: TransportResult, wasStale: boolean) => void,
  ): void {
    const sentAt = performance.now();
    let mayBeStale = connection.isConnected && connection.uses > 0;
    const answer: Answer = { statusCode: 0, headers: noHeaders, kept: [], keptBytes: 0, readBytes: 0 };
    let isSettled = false;
    let controller: Dispatcher.DispatchController | undefined;
    active.add(connection);
    connection.head.reset();

    const finish = (reusable: boolean, failure?: { error: unknown }): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      clearTimeout(staleTimer);
      request.signal?.removeEventListener('abort', onAbort);
      active.delete(connection);
      const endedAt = performance.now();
      const durationMs = Math.round((endedAt - startedAt) * 100) / 100;
      if (reusable) giveBack(connection);
      else {
        connection.opening.abort(new TransportError('timeout', 'given up'));
        connection.client.destroy().catch(ignore);
      }
      const error = failure?.error;
      const { head } = connection;
      const isUnreadable = answer.statusCode === 0 && reasonOf(error) === 'bad_response';
      if (isUnreadable && head.status !== undefined) {
        // The receiver has answered, even if the rest of its head is malformed.
        answer.statusCode = head.status;
        answer.headers = head.headers;
      }
      if (answer.statusCode !== 0) {
        settle(
          {
            kind: 'answer',
            statusCode: answer.statusCode,
            headers: answer.headers,
            excerpt: excerptOf(answer),
            durationMs,
          },
          false,
        );
        return;
      }
      const reason = isUnreadable && head.isHttp2 ? 'http2_only' : reasonOf(error);
      const message = reason === 'http2_only' ? http2Only : messageOf(error);
      settle({ kind: 'failure', reason, message, durationMs }, mayBeStale && reason === 'connection_closed');
    };

    const onAbort = (): void =>
      finish(false, { error: new TransportError('connection_closed', 'The request was ended') });
    request.signal?.addEventListener('abort', onAbort);

    const timeoutMs = Math.max(request.timeoutMs - (sentAt - startedAt), 1);
    let timer = setTimeout(() => {
      // First read what has arrived: if the thread was busy, the timer comes before it.
      setImmediate(() => {
        if (answer.statusCode !== 0) return;
        const error = new TransportError('timeout', `No answer within ${request.timeoutMs} ms`);
        finish(false, { error });
      });
    }, timeoutMs);
    const notStale = (): void => {
      mayBeStale = false;
    };
    // First read what has arrived, as above. undici reports the end of a connection one turn of the event loop later.
    const staleTimer = mayBeStale
      ? setTimeout(() => setImmediate(() => setImmediate(notStale)), staleMs)
      : undefined;

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        request.beforeWrite?.();
        if (isSettled) started.abort(new TransportError('timeout', 'given up'));
      },
      onResponseStart(_controller, statusCode, headers) {
        // 100 to 199 are not the final answer.
        if (statusCode < 200) return;
        answer.statusCode = statusCode;
        answer.headers = readHeaders(headers);
        // The outcome is known; the body is only for the history.
        clearTimeout(timer);
        const rest = Math.min(bodyGraceMs, Math.max(startedAt + request.timeoutMs - performance.now(), 1));
        timer = setTimeout(() => finish(false), rest);
      },
      onResponseData(_controller, chunk) {
        answer.readBytes += chunk.length;
        if (answer.keptBytes < maxExcerptBytes) {
          const kept = chunk.subarray(0, maxExcerptBytes - answer.keptBytes);
          // A copy: the chunk is part of a buffer that is reused.
          answer.kept.push(Buffer.from(kept));
          answer.keptBytes += kept.length;
        }
        if (answer.readBytes > maxBodyBytes) finish(false);
      },
      onResponseEnd() {
        connection.uses++;
        finish(true);
      },
      onResponseError(_controller, error) {
        finish(false, { error });
      },
    };
    if (request.signal?.aborted === true) {
      onAbort();
      return;
    }
    try {
      connection.client.dispatch(
        {
          method: 'POST',
          path: request.url.pathname + request.url.search,
          headers: request.headers,
          body: request.body,
        },
        handler,
      );
    } catch (error) {
      finish(false, { error });
    }
    if (isSettled) controller?.abort(new TransportError('timeout', 'given up'));
  }

  return {
    async send(request) {
      const startedAt = performance.now();
      makeClient ??= await loadClient();
      const clientClass = makeClient;
      return new Promise((resolve) => {
        if (closed) {
          resolve({
            kind: 'failure',
            reason: 'local_fault',
            message: 'The webhook sender is closed',
            durationMs: 0,
          });
          return;
        }
        attempt(take(request, clientClass), request, startedAt, (result, wasStale) => {
          if (!wasStale || closed || request.signal?.aborted === true) resolve(result);
          // The receiver most likely never saw the request; if it did, it recognizes the id.
          else attempt(open(request, clientClass), request, startedAt, resolve);
        });
      });
    },
    purge() {
      generation++;
      for (const list of [...idle.values()]) for (const connection of [...list]) forget(connection);
    },
    idleCount: () => idleTotal,
    async close() {
      closed = true;
      this.purge();
      const ending = [...active];
      for (const { opening } of ending)
        opening.abort(new TransportError('connection_closed', 'The webhook sender was closed'));
      await Promise.all(
        ending.map(({ client }) =>
          client
            .destroy(new TransportError('connection_closed', 'The webhook sender was closed'))
            .catch(ignore),
        ),
      );
    },
  };
}

function keyOf({ origin }: URL, tls: WebhookTls | undefined): string {
  return tls === undefined ? origin : `${origin} ${tls.cert} ${tls.key} ${tls.ca}`;
}

/** Passes the bytes that undici reads from the socket to `head` too. */
function watchReads(socket: Socket, head: AnswerHead): void {
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    const chunk: unknown = read(size);
    if (chunk instanceof Uint8Array) head.add(chunk);
    return chunk;
  };
}

interface Connection {
  readonly client: Client;
  readonly key: string;
  /** Reads the answer's head beside undici's parser. */
  readonly head: AnswerHead;
  /** Aborts the connection while it is being opened. */
  readonly opening: AbortController;
  readonly generation: number;
  isConnected: boolean;
  /** Answered requests on this socket. */
  uses: number;
}

interface Answer {
  statusCode: number;
  headers: ReceiverHeaders;
  readonly kept: Buffer[];
  keptBytes: number;
  readBytes: number;
}

const noHeaders: ReceiverHeaders = {
  retryAfter: undefined,
  deliveryControl: undefined,
  date: undefined,
  location: undefined,
};

function readHeaders(headers: Record<string, string | string[] | undefined>): ReceiverHeaders {
  const one = (name: string): string | undefined => {
    const value = headers[name];
    // A header sent more than once is ambiguous, so it is ignored.
    return typeof value === 'string' ? value.slice(0, 1024) : undefined;
  };
  return {
    retryAfter: one('retry-after'),
    deliveryControl: one('webhook-delivery'),
    date: one('date'),
    location: one('location'),
  };
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Invalid UTF-8 becomes U+FFFD; a code point cut off by the size limit is left out. */
function excerptOf({ kept, keptBytes, readBytes }: Answer): string {
  if (keptBytes === 0) return '';
  const bytes = kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
  const text = utf8.decode(bytes);
  if (readBytes === keptBytes) return text;
  let end = text.length;
  while (end > 0 && text[end - 1] === '\uFFFD') end--;
  return text.slice(0, end);
}

/** The message of an error, at most 500 characters. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return messageOf(tellingOf(error));
  if (!(error instanceof Error)) return 'The request failed';
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  return cutHead(wellFormed(`${code}${error.message}`), 500);
}

function ignore(): void {}
