// Typed calls over the transport, shared by the client and its resources. The generated types describe the answer of
// each route; answers are trusted to match them here.

import type { CallOptions, CreateOptions, FollowOptions } from './call-options.ts';
import { followStream, readStream, toQuery } from './event-stream.ts';
import type { StreamEvent } from './stream-event.ts';
import type { RequestOptions, Transport } from './transport.ts';

/** Calls routes of one server. Every method throws ApiError or ServerUnreachableError, or the signal's reason. */
export class Calls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** GET. `query` values that are undefined are left out. */
  async get<T>(
    path: string,
    { signal }: CallOptions = {},
    query: Readonly<Record<string, unknown>> = {},
    alsoFine?: number,
  ): Promise<T> {
    const request: RequestOptions = { method: 'GET', path: `${path}${toQuery(query)}`, signal };
    return (await this.#transport.json(alsoFine === undefined ? request : { ...request, alsoFine })) as T;
  }

  /** GET of a text. */
  text(
    path: string,
    { signal }: CallOptions = {},
    query: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const headers = { accept: '*/*' };
    return this.#transport.text({ method: 'GET', path: `${path}${toQuery(query)}`, headers, signal });
  }

  /** POST, PATCH or DELETE with a JSON body. */
  async send<T>(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: unknown,
    { signal, idempotencyKey }: CreateOptions,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const all = idempotencyKey === undefined ? headers : { ...headers, 'idempotency-key': idempotencyKey };
    return (await this.#transport.json({ method, path, body, headers: all, signal })) as T;
  }

  /** The events of one connection. */
  stream(request: RequestOptions): AsyncGenerator<StreamEvent> {
    return readStream(this.#transport, request);
  }

  /** Events over any number of connections. The stream ends after an event for which `isLast` is true. */
  follow(
    path: string,
    { after, deltas, resume = true, signal }: FollowOptions,
    query: Readonly<Record<string, unknown>> = {},
    isLast: (event: StreamEvent) => boolean = () => false,
  ): AsyncGenerator<StreamEvent> {
    const all = { ...query, deltas };
    return followStream(this.#transport, { path, query: all, after, resume, isLast, signal });
  }
}
