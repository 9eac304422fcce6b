// Events out of server-sent events: one stream as it comes, or a stream that is made again after the last event seen whenever its
// connection breaks, so that a reader sees everything once.

import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiError, ServerUnreachableError } from './errors.ts';
import { SseParser } from './sse-parser.ts';
import type { StreamEvent } from './stream-event.ts';
import type { RequestOptions, Transport } from './transport.ts';

export interface Following {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** Start after this sequence. Without it the server decides. */
  readonly after: number | undefined;
  /** False: the stream ends, or throws, with its first connection. */
  readonly resume: boolean;
  /** The last event there is. */
  readonly isLast?: (event: StreamEvent) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The server says something every 15 s; a connection that is silent for longer is dead, whatever the system believes. */
const silenceMs = 60_000;
const longestPauseMs = 5000;
/** What a server, or a proxy before it, says while it is being restarted. */
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The events of one connection. @throws ServerUnreachableError when it breaks */
export async function* readStream(
  transport: Transport,
  request: RequestOptions,
  onOpen: (status: number | undefined) => void = () => {},
): AsyncGenerator<StreamEvent> {
  const headers = { ...request.headers, accept: 'text/event-stream' };
  const response = await transport.open({ ...request, headers });
  onOpen(response.statusCode);
  response.setTimeout(silenceMs, () => response.destroy(new Error(`silent for ${silenceMs / 1000} s`)));
  try {
    yield* parse(response);
  } catch (cause) {
    if (request.signal?.aborted) throw request.signal.reason;
    if (cause instanceof SyntaxError) throw cause;
    throw new ServerUnreachableError('the connection broke while streaming', { cause });
  } finally {
    response.destroy();
  }
}

/** Follows over broken connections and restarts of the server; only a first connection that fails is an error. */
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
    // Nothing more will come (WHATWG HTML §9.2.3).
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
        // Cut off for being too slow: we come back for the rest.
        if (event.type === 'overflow' && resume) continue;
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      if (!resume || !wasOpen || !isPassing(error)) throw error;
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
      // A server of an earlier version sends the data of `gap` and `overflow` bare.
      if ('type' in value) yield value as StreamEvent;
      else yield toNotice(event, id, value);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ServerUnreachableError || (error instanceof ApiError && passing.has(error.status));
}

/** What a server says is what its types say. */
function toNotice(type: string, id: string | undefined, data: object): StreamEvent {
  const notice: unknown = { type, ...(id === undefined ? {} : { sequence: Number(id) }), data: { ...data } };
  return notice as StreamEvent;
}

/** `?a=1&b=2`, without what is undefined; lists are repeated. */
export function toQuery(values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) query.append(name, String(item));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
