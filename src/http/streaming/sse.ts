// One open stream of server-sent events: headers, heartbeats, a bounded buffer, and an end that is always clean. Whatever
// happens to the reader (it leaves, it is too slow, the server stops), `signal` aborts and nothing of it stays behind.

import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { frameComment, frameEvent, type ServerSentEvent } from './sse-frame.ts';

/** Why a stream ended before its writer closed it. */
export type StreamEnd = 'client' | 'overflow' | 'shutdown';

export interface EventStream {
  /** Aborts when the client goes away, is cut off for being slow, or the server stops; not on `close()`. */
  readonly signal: AbortSignal;
  /** Why `signal` aborted. */
  readonly endedBy: StreamEnd | undefined;
  /** False once it is closed or cut off; then all below do nothing. */
  readonly isOpen: boolean;
  /** Writes a message at once. False: the socket is not keeping up, `drained()` is worth waiting for. */
  send(message: ServerSentEvent): boolean;
  comment(text: string): void;
  /** Bytes that the reader has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Resolves when the reader has taken all that was written, or the stream has ended. A reader that takes longer than
   * `patienceMs` is cut off as too slow.
   * @default patienceMs 30 s
   */
  drained(patienceMs?: number): Promise<void>;
  /** Ends the stream well, after what was written. */
  close(): void;
}

export interface EventStreamOptions {
  /** Do messages have an `event:` line? @default true */
  readonly named?: boolean;
}

/** Over this many buffers a reader is cut off whatever its writer does: the memory of the server comes first. */
const hardLimitFactor = 4;
/** How long a cut-off reader may take to fetch what still waits for it, before its connection is destroyed. */
const lastBytesMs = 5000;
const defaultPatienceMs = 30_000;

/**
 * Is there a place for one more reader? To be asked before work that only a stream would see.
 * @throws CodeBuddyError `too_many_connections` over `maxStreams` readers or `maxStreamsPerKey` of one key, `shutting_down`
 */
export function requireRoomForStream(request: FastifyRequest, { shutdown, streams }: HttpContext): void {
  if (shutdown.aborted) throw new CodeBuddyError('shutting_down', 'The server is stopping.');
  streams.requirePlace(callerOf(request).keyId);
}

/**
 * Answers with a stream. The answer is begun at once; throw every problem before.
 * @throws CodeBuddyError `too_many_connections` over `maxStreams` readers or `maxStreamsPerKey` of one key, `shutting_down`
 */
export function openEventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  context: HttpContext,
  { named = true }: EventStreamOptions = {},
): EventStream {
  requireRoomForStream(request, context);
  const { limits, metrics, shutdown, streams } = context;
  const { keyId } = callerOf(request);
  const response = reply.raw;
  const ended = new AbortController();
  let endedBy: StreamEnd | undefined;
  let closing = false;
  let destroyTimer: NodeJS.Timeout | undefined;

  reply.hijack();
  // GatedResponse adds the request id, the security and the CORS headers.
  response.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // Reverse proxies (nginx) would else hold events back until their buffer is full.
    'X-Accel-Buffering': 'no',
  });

  /** The last bytes, then the end; a reader that does not take them loses its connection. */
  function finish(): void {
    closing = true;
    clearInterval(heartbeat);
    shutdown.removeEventListener('abort', onShutdown);
    response.end();
    destroyTimer = setTimeout(() => response.destroy(), lastBytesMs).unref();
  }

  function cutOff(reason: StreamEnd, lastWords: string): void {
    if (closing) return;
    endedBy = reason;
    response.write(lastWords);
    // The connection ends with the stream: a reader that was cut off must not find its next answer behind a megabyte.
    response.once('finish', () => response.socket?.end());
    finish();
    ended.abort(
      new Error(reason === 'overflow' ? 'The stream reader is too slow' : 'The server is stopping'),
    );
  }

  function overflow(): void {
    const message = 'The reader is too slow; resume after the last id it has seen.';
    cutOff(
      'overflow',
      frameEvent({ event: 'overflow', data: { type: 'overflow', message, data: { message } } }, named),
    );
  }

  function onShutdown(): void {
    cutOff('shutdown', `retry: 1000\n${frameComment('the server is stopping')}`);
  }

  function write(chunk: string): boolean {
    if (closing) return true;
    // Asked before, not after: a single message over the limit must pass some time, or the reader could never get beyond it.
    if (response.writableLength > limits.streamBufferBytes * hardLimitFactor) {
      overflow();
      return true;
    }
    return response.write(chunk);
  }

  const heartbeat = setInterval(() => {
    // To a reader that is behind anyway, a heartbeat is only more to carry.
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
    send: (message) => write(frameEvent(message, named)),
    comment: (text) => {
      write(frameComment(text));
    },
    get bufferedBytes() {
      return response.writableLength;
    },
    async drained(patienceMs = defaultPatienceMs) {
      // Writes of one turn of the event loop reach the socket after it; only then is it known what it takes.
      await new Promise((resolve) => setImmediate(resolve));
      if (closing || !response.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        const patience = setTimeout(overflow, patienceMs);
        const done = (): void => {
          clearTimeout(patience);
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
    clearTimeout(destroyTimer);
    if (closing) return;
    closing = true;
    endedBy = 'client';
    clearInterval(heartbeat);
    shutdown.removeEventListener('abort', onShutdown);
    ended.abort(new Error('The client went away'));
  }

  metrics.streamOpened();
  const leavePlace = streams.take(keyId);
  // A client may be gone before its turn came; then 'close' has been emitted already.
  if (response.closed) onClose();
  else response.once('close', onClose);
  // Write errors are followed by 'close'; without a listener they would end the process.
  response.on('error', () => undefined);

  if (closing) return stream;
  if (request.method === 'HEAD') {
    endedBy = 'client';
    finish();
    ended.abort(new Error('HEAD wants no body'));
  } else {
    shutdown.addEventListener('abort', onShutdown);
    // Sends the headers now, so a reader of a quiet log knows that it is connected.
    write(frameComment('connected'));
  }
  return stream;
}
