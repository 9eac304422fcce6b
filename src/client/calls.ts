// Typed calls over the transport, shared by the client and its resources. The generated types describe the answer of
// each route; answers are trusted to match them here.

import type { CallOptions, CreateOptions, FollowOptions } from './call-options.ts';
import { followStream } from './event-stream.ts';
import { type PageList, pageList } from './paging.ts';
import { toQuery } from './query.ts';
import type { StreamEvent } from './stream-event.ts';
import type { RequestOptions, Transport } from './transport.ts';
import { WholeText } from './whole-text.ts';

type QueryValues = Readonly<Record<string, unknown>>;

/** Where a stream starts and ends, and whether its text is completed. */
interface FollowRules {
  /** The stream ends after an event for which this is true. */
  readonly isLast?: (event: StreamEvent) => boolean;
  /** The events are those of one run, so its text can be completed. */
  readonly isOneRun?: boolean;
  /** Returns the sequence number to start after. @default `after`, otherwise the server decides */
  readonly start?: (() => Promise<number>) | undefined;
}

/**
 * Calls routes of one server. Every method throws CodeBuddyApiError or CodeBuddyConnectionError, or the signal's
 * reason.
 */
export class Calls {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** GET. `query` values that are undefined are left out. */
  async get<T>(
    path: string,
    options: CallOptions = {},
    query: QueryValues = {},
    alsoFine?: number,
  ): Promise<T> {
    const request: RequestOptions = { ...limitsOf(options), method: 'GET', path: path + toQuery(query) };
    return (await this.transport.json(alsoFine === undefined ? request : { ...request, alsoFine })) as T;
  }

  /** GET of a text. */
  text(path: string, options: CallOptions = {}, query: QueryValues = {}): Promise<string> {
    const headers = { accept: '*/*' };
    return this.transport.text({
      ...limitsOf(options),
      method: 'GET',
      path: path + toQuery(query),
      headers,
    });
  }

  /** GET of a list that comes in pages. */
  list<P extends { readonly nextCursor?: string | null }, I>(
    path: string,
    options: CallOptions | undefined,
    query: QueryValues | undefined,
    itemsOf: (page: P) => readonly I[],
  ): PageList<P, I> {
    return pageList(
      (cursor) => this.get<P>(path, options, cursor === undefined ? query : { ...query, cursor }),
      itemsOf,
    );
  }

  /** POST, PATCH or DELETE with a JSON body. */
  async send<T>(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: unknown,
    options?: CallOptions,
  ): Promise<T> {
    return (await this.transport.json({ ...limitsOf(options), method, path, body })) as T;
  }

  /** GET of bytes. */
  bytes(path: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const headers = { accept: '*/*' };
    return this.transport.bytes({ ...limitsOf(options), method: 'GET', path, headers });
  }

  /** POST to a route that takes an Idempotency-Key. */
  async create<T>(
    path: string,
    body: unknown,
    options: CreateOptions = {},
    more: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const headers = { ...more, 'idempotency-key': options.idempotencyKey ?? crypto.randomUUID() };
    return (await this.transport.json({ ...limitsOf(options), method: 'POST', path, body, headers })) as T;
  }

  /** Events over any number of connections. */
  async *follow(
    path: string,
    options: FollowOptions = {},
    query: QueryValues = {},
    { isLast = () => false, isOneRun = false, start }: FollowRules = {},
  ): AsyncGenerator<StreamEvent, void> {
    const { after, deltas } = options;
    const text = isOneRun && deltas ? new WholeText() : undefined;
    const all = { ...query, deltas: deltas || undefined, after };
    let isFirst = !options.waitForServer;
    const events = followStream(this.transport, {
      ...options,
      open: (position) => {
        const resumeAfter = position === after ? undefined : position;
        const request = streamRequest(path, all, resumeAfter, options);
        const once = isFirst ? request : { ...request, maxRetries: 0 };
        isFirst = false;
        return this.transport.open(once);
      },
      isLast,
      start,
      onBreak: () => text?.break(),
    });
    if (text === undefined) yield* events;
    else for await (const event of events) yield* text.complete(event);
  }
}

/** @param position resume after this event */
export function streamRequest(
  path: string,
  query: QueryValues,
  position: number | undefined,
  options: CallOptions,
): RequestOptions {
  const accept = { accept: 'text/event-stream' };
  return {
    ...limitsOf(options),
    method: 'GET',
    path: path + toQuery(query),
    headers: position === undefined ? accept : { ...accept, 'last-event-id': String(position) },
  };
}

function limitsOf({ signal, maxRetries, timeoutMs }: CallOptions = {}): CallOptions {
  return { signal, maxRetries, timeoutMs };
}
