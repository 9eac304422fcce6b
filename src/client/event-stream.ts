// Reads event streams: over one connection, or over several. When a connection breaks, the stream resumes after the
// last event, so the reader gets every event once.

import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiError, ServerUnreachableError } from './errors.ts';
import { SseParser } from './sse-parser.ts';
import type { StreamEvent } from './stream-event.ts';
import type { RequestOptions, Transport } from './transport.ts';

/** A stream to follow. */
export interface Following {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** Start after this sequence number. Without it, the server decides. */
  readonly after: number | undefined;
  /** False: the stream ends or throws with its first connection. */
  readonly resume: boolean;
  /** The stream ends after an event for which this is true. @default none */
  readonly isLast?: (event: StreamEvent) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The server sends a heartbeat every 15 s. A connection that is silent for this long is dead, even if it is still open.
 */
const silenceMs = 60_000;
const longestPauseMs = 5000;
/** Statuses of a server that restarts, or of a proxy in front of it. */
const temporary: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Reads the events of one connection. @throws ServerUnreachableError when it breaks */
export async function* readStream(
  transport: Transport,
  request: RequestOptions,
  onOpen: (status: number | undefined) => void = () => {},
): AsyncGenerator<StreamEvent> {
  const headers = { ...request.headers, accept: 'text/event-stream' };
  const response = await transport.open({ ...request, headers });
  onOpen(response.statusCode);
  response.setTimeout(silenceMs, () => response.destroy(new Error(`No data for ${silenceMs / 1000} s.`)));
  try {
    yield* parse(response);
  } catch (cause) {
    if (request.signal?.aborted) throw request.signal.reason;
    if (cause instanceof SyntaxError) throw cause;
    throw new ServerUnreachableError('The connection broke during an event stream.', { cause });
  } finally {
    response.destroy();
  }
}

/**
 * Reads events across broken connections and restarts of the server. Only a failure of the first connection is an
 * error.
 */
export async function* followStream(
  transport: Transport,
  { path, query, after, resume, isLast = () => false, signal }: Following,
): AsyncGenerator<StreamEvent> {
  let position = after;
  let wasOpen = false;
  let isOver = false;
  let pauseMs = 0;
  const onOpen = (status: number | undefined): void => {
    wasOpen = true;
    // No more events will come (WHATWG HTML §9.2.3).
    isOver = status === 204;
  };
  for (;;) {
    let retryAfterMs = 0;
    try {
      const request = {
        method: 'GET',
        path: `${path}${toQuery({ ...query, after: position })}`,
        signal,
      } as const;
      for await (const event of readStream(transport, request, onOpen)) {
        pauseMs = 0;
        if (event.sequence !== undefined) position = event.sequence;
        // Disconnected for being too slow: reconnect and resume.
        if (event.type === 'overflow' && resume) continue;
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      if (!resume || !wasOpen || !isTemporary(error)) throw error;
      if (error instanceof ApiError) retryAfterMs = (error.retryAfterSeconds ?? 0) * 1000;
    }
    if (!resume || isOver) return;
    pauseMs = Math.min(longestPauseMs, pauseMs * 2 || 100);
    await wait(Math.max(pauseMs, retryAfterMs), undefined, signal === undefined ? {} : { signal });
  }
}

async function* parse(response: IncomingMessage): AsyncGenerator<StreamEvent> {
  const parser = new SseParser();
  for await (const chunk of response) {
    for (const { id, event, data } of parser.push(chunk as Buffer)) {
      const value: unknown = JSON.parse(data);
      if (typeof value !== 'object' || value === null) continue;
      // A server of an earlier version sends `gap` and `overflow` without `type`.
      if ('type' in value) yield value as StreamEvent;
      else yield toNotice(event, id, value);
    }
  }
}

function isTemporary(error: unknown): boolean {
  return (
    error instanceof ServerUnreachableError || (error instanceof ApiError && temporary.has(error.status))
  );
}

/** Converts a notice of an earlier version. The generated types describe what the server sends. */
function toNotice(type: string, id: string | undefined, data: object): StreamEvent {
  const notice: unknown = { type, ...(id === undefined ? {} : { sequence: Number(id) }), data: { ...data } };
  return notice as StreamEvent;
}

/** Formats a query string: `?a=1&b=2`. Undefined values are left out, lists are repeated. */
export function toQuery(values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) query.append(name, String(item));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
