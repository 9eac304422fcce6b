// `client.events` and `client.streamTickets`.

import type { Answer, Query } from '../api-objects.ts';
import type { CallOptions, StreamOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';
import type { StreamEvent } from '../stream-event.ts';

/** The event log. */
export class Events {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists events. @default oldest first */
  list(query: Query<'listEvents'> = {}, options: CallOptions = {}): Promise<Answer<'listEvents', 200>> {
    return this.#calls.get('/api/events', options, query);
  }

  /** Gets an event. @throws ApiError `event_not_found` */
  get(id: string, options: CallOptions = {}): Promise<Answer<'getEvent', 200>> {
    return this.#calls.get(`/api/events/${encodeURIComponent(id)}`, options);
  }

  /**
   * Streams events as they happen. Reconnects and resumes when the connection breaks: no event is lost or repeated.
   *
   * @example
   * for await (const event of client.events.stream({ types: ['run.*'] })) console.log(event.type, event.runId);
   */
  async *stream({ types, sessionId, runId, ...options }: StreamOptions = {}): AsyncGenerator<StreamEvent> {
    let { after } = options;
    if (after === undefined && options.resume !== false) {
      // Fixed now: if the connection breaks before the first event, the events until the next connection must not be
      // lost.
      const { events } = await this.list({ limit: 1, order: 'desc' }, options);
      after = events[0]?.sequence ?? 0;
    }
    const type = types?.length ? types.join(',') : undefined;
    yield* this.#calls.follow('/api/events', { ...options, after }, { type, sessionId, runId });
  }
}

/** Tickets that let web pages open streams. */
export class StreamTickets {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Creates a ticket that opens one stream within 60 s.
   *
   * @example
   * const { ticket } = await client.streamTickets.create();
   * new EventSource(`${client.url}/api/events?named=false&ticket=${ticket}`); // in the web page
   */
  create(options: CallOptions = {}): Promise<Answer<'createStreamTicket', 201>> {
    return this.#calls.send('POST', '/api/stream-tickets', undefined, options);
  }
}
