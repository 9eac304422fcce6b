// An open stream of server-sent events: sends headers and heartbeats, limits the buffer, and cleans up. When the reader
// disconnects or is too slow, its key is revoked, or the server stops, `signal` aborts and all resources are released.

import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { HttpContext } from '../context.ts';
import { currentIdentity } from '../pipeline/api-keys-check.ts';
import { callerOf } from '../pipeline/caller.ts';
import { GatedResponse } from '../pipeline/gated-response.ts';
import { factsOf } from '../pipeline/request-facts.ts';
import { startRunningTimer } from './running-timer.ts';
import { frameComment, frameEvent, type ServerSentEvent } from './sse-frame.ts';

/** Why a stream ended before `close()`. */
export type StreamEnd = 'client' | 'overflow' | 'shutdown' | 'unauthorized';

/** A stream of server-sent events to one reader. */
export interface EventStream {
  /**
   * Aborts when the client disconnects or is too slow, its key is revoked or its sign-in expires, or the server stops.
   * Not on `close()`.
   */
  readonly signal: AbortSignal;
  /** Why `signal` aborted. */
  readonly endedBy: StreamEnd | undefined;
  /** False after `close()` or an abort. Then the methods below do nothing. */
  readonly isOpen: boolean;
  /** Writes a message. False if the socket is full: wait for `drained()`. */
  send(message: ServerSentEvent): boolean;
  /** Writes messages that are formatted already, as `named` says. The same text can go to many readers. */
  sendFrames(frames: string): boolean;
  /** True if messages have an `event:` line. */
  readonly named: boolean;
  /** Writes a comment, which readers ignore. */
  comment(text: string): void;
  /** Bytes that wait for the reader. */
  readonly bufferedBytes: number;
  /**
   * Resolves when the reader has received everything, or the stream has ended. A reader that takes longer than
   * `patienceMs` is disconnected as too slow.
   * @default patienceMs 30 s
   */
  drained(patienceMs?: number): Promise<void>;
  /** Ends the stream after everything written so far. */
  close(): void;
}

export interface EventStreamOptions {
  /** True if messages have an `event:` line. @default true */
  readonly named?: boolean;
  /** The message to a reader that is too slow. @default an event `overflow` */
  readonly overflowMessage?: (text: string) => ServerSentEvent;
}

/** Over this multiple of the buffer limit a reader is disconnected at once, to protect the memory of the server. */
const hardLimitFactor = 4;
/** The messages of the reasons of `signal`. */
const endReasons = {
  overflow: 'The stream reader is too slow.',
  shutdown: 'The server is stopping.',
  unauthorized: 'The API key of the reader was revoked, or its sign-in has expired.',
} as const;
/** How long a reader may take to receive the last bytes before its connection is destroyed. */
const lastBytesMs = 5000;
const defaultPatienceMs = 30_000;

/**
 * Checks that one more reader is allowed. Call it before work whose result only a stream would show.
 * @throws CodeBuddyError `too_many_connections` over `maxStreams` readers, or `maxStreamsPerKey` of one key;
 * `shutting_down`
 */
export function requireRoomForStream(request: FastifyRequest, { shutdown, streams }: HttpContext): void {
  if (shutdown.aborted) throw new CodeBuddyError('shutting_down', 'The server is stopping.');
  streams.requirePlace(callerOf(request).keyId);
}

/**
 * Answers with a stream. Sends the status and headers at once, so throw any problem before.
 * @throws CodeBuddyError `too_many_connections` over `maxStreams` readers, or `maxStreamsPerKey` of one key;
 * `shutting_down`
 */
export function openEventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  context: HttpContext,
  { named = true, overflowMessage }: EventStreamOptions = {},
): EventStream {
  requireRoomForStream(request, context);
  const { limits, metrics, shutdown, streams } = context;
  const { keyId } = callerOf(request);
  const { identity } = factsOf(request);
  const response = reply.raw;
  const ended = new AbortController();
  let endedBy: StreamEnd | undefined;
  let closing = false;
  let stopDestroying: (() => void) | undefined;

  reply.hijack();
  if (response instanceof GatedResponse) response.isStream = true;
  // GatedResponse adds the request id, the security and the CORS headers.
  response.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // Keeps reverse proxies (nginx) from buffering events.
    'X-Accel-Buffering': 'no',
  });

  /** Sends the last bytes and ends the response. A reader that does not receive them in time is disconnected. */
  function finish(): void {
    closing = true;
    clearInterval(heartbeat);
    shutdown.removeEventListener('abort', onShutdown);
    response.end();
    stopDestroying = startRunningTimer(lastBytesMs, () => response.destroy());
  }

  function disconnect(reason: keyof typeof endReasons, lastMessage: string): void {
    if (closing) return;
    endedBy = reason;
    response.write(lastMessage);
    // Close the connection too: the reader's next answer must not wait behind a megabyte of buffered events.
    response.once('finish', () => response.socket?.end());
    finish();
    ended.abort(new Error(endReasons[reason]));
  }

  function overflow(): void {
    const message = 'The reader is too slow. Resume after the last id that it has received.';
    const last = overflowMessage?.(message) ?? {
      event: 'overflow',
      data: { type: 'overflow', message, data: { message } },
    };
    disconnect('overflow', frameEvent(last, named));
  }

  function onShutdown(): void {
    disconnect('shutdown', `retry: 1000\n${frameComment('the server is stopping')}`);
  }

  /** The key may be revoked while the stream is open. */
  function mayRead(): boolean {
    if (identity === null) return true;
    const { signedInUntil = Number.POSITIVE_INFINITY } = identity;
    return Date.now() < signedInUntil && currentIdentity(identity, context.services.keys) !== undefined;
  }

  function write(chunk: string): boolean {
    if (closing) return true;
    if (!mayRead()) {
      disconnect('unauthorized', frameComment('the API key was revoked, or the sign-in has expired'));
      return true;
    }
    // Checked before the write: otherwise a single message over the limit could never be sent.
    if (response.writableLength > limits.streamBufferBytes * hardLimitFactor) {
      overflow();
      return true;
    }
    return response.write(chunk);
  }

  const heartbeat = setInterval(() => {
    // A reader that is behind needs no heartbeat.
    if (!response.writableNeedDrain) write(frameComment('keep-alive'));
  }, limits.streamHeartbeatMs);

  const stream: EventStream = {
    signal: ended.signal,
    get endedBy() {
      return endedBy;
    },
    get isOpen() {
      return !closing;
    },
    named,
    send: (message) => write(frameEvent(message, named)),
    sendFrames: write,
    comment: (text) => {
      write(frameComment(text));
    },
    get bufferedBytes() {
      return response.writableLength;
    },
    async drained(patienceMs = defaultPatienceMs) {
      // The socket gets the writes of this turn of the event loop only after it.
      await new Promise((resolve) => setImmediate(resolve));
      if (closing || !response.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        const stopWaiting = startRunningTimer(patienceMs, overflow);
        const done = (): void => {
          stopWaiting();
          response.off('drain', done);
          ended.signal.removeEventListener('abort', done);
          resolve();
        };
        response.on('drain', done);
        ended.signal.addEventListener('abort', done);
      });
    },
    close() {
      if (!closing) finish();
    },
  };

  function onClose(): void {
    metrics.streamClosed();
    leavePlace();
    stopDestroying?.();
    if (closing) return;
    closing = true;
    endedBy = 'client';
    clearInterval(heartbeat);
    shutdown.removeEventListener('abort', onShutdown);
    ended.abort(new Error('The client disconnected.'));
  }

  metrics.streamOpened();
  const leavePlace = streams.take(keyId);
  // The client may already be gone, and 'close' already emitted.
  if (response.closed) onClose();
  else response.once('close', onClose);
  // Write errors are followed by 'close'. Without a listener they would crash the process.
  response.on('error', () => undefined);

  if (closing) return stream;
  if (request.method === 'HEAD') {
    endedBy = 'client';
    finish();
    ended.abort(new Error('HEAD has no body'));
  } else {
    shutdown.addEventListener('abort', onShutdown);
    // Sends the headers now: the reader of a quiet log must know that it is connected.
    write(frameComment('connected'));
  }
  return stream;
}
