// `client.events` and `client.streamTickets`.

import type { Answer, LoggedEvent, Query } from '../api-objects.ts';
import type { CallOptions, StreamOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf, toQuery } from '../query.ts';
import type { StreamEvent } from '../stream-event.ts';
import { Resource } from './resource.ts';

/** The event log. */
export class Events extends Resource {
  /** Lists events. @default oldest first */
  list(query?: Query<'listEvents'>, options?: CallOptions): PageList<Answer<'listEvents', 200>, LoggedEvent> {
    return this.calls.list('/api/events', options, query, ({ events }) => events);
  }

  /** Gets an event. @throws CodeBuddyApiError `event_not_found` */
  get(id: string, options?: CallOptions): Promise<Answer<'getEvent', 200>> {
    return this.calls.get(pathOf('events', id), options);
  }

  /**
   * Streams events as they happen. Reconnects and resumes when the connection breaks, for as long as it takes: no event
   * is lost or repeated. Without `after`, the key needs the scope `read`.
   *
   * @example
   * for await (const event of client.events.stream({ types: ['run.*'] })) console.log(event.type, event.runId);
   * @example
   * const events = client.events.stream({ waitForServer: true, onState: ({ status }) => show(status), signal });
   */
  stream(options: StreamOptions = {}): AsyncGenerator<StreamEvent, void> {
    const { types, sessionId, runId, after, resume = true, waitForServer } = options;
    const type = types?.length ? types.join(',') : undefined;
    // Fixed at the start: if the connection breaks before the first event, the events until the next connection must
    // not be lost.
    const end = async (): Promise<number> => {
      const limits = waitForServer ? { ...options, maxRetries: 0 } : options;
      const { events } = await this.list({ limit: 1, order: 'desc' }, limits);
      return events[0]?.sequence ?? 0;
    };
    const start = after === undefined && resume ? end : undefined;
    return this.calls.follow('/api/events', options, { type, sessionId, runId }, { start });
  }
}

/** The stream that a ticket opens. */
export interface TicketTarget extends Pick<StreamOptions, 'after' | 'types' | 'deltas'> {
  /** The events of this session. @default the whole log */
  readonly sessionId?: string | undefined;
  /** The events of this run, up to its end. @default the whole log */
  readonly runId?: string | undefined;
}

/** Tickets that let web pages open streams. */
export class StreamTickets extends Resource {
  /** Creates a ticket that opens one stream within 60 s. */
  create(options?: CallOptions): Promise<Answer<'createStreamTicket', 201>> {
    return this.calls.send('POST', '/api/stream-tickets', undefined, options);
  }

  /**
   * Creates a ticket and returns the URL that an `EventSource` opens with it, once, within 60 s. `onmessage` gets every
   * event.
   *
   * @example
   * const source = new EventSource(await client.streamTickets.url({ types: ['run.*'] }));
   * source.onmessage = ({ data }) => console.log(JSON.parse(data).type);
   */
  async url(
    { sessionId, runId, after, types, deltas }: TicketTarget = {},
    options?: CallOptions,
  ): Promise<string> {
    const { ticket } = await this.create(options);
    const path =
      runId !== undefined
        ? pathOf('runs', runId, '/events')
        : sessionId !== undefined
          ? pathOf('sessions', sessionId, '/events')
          : '/api/events';
    const query = { ticket, named: false, after, deltas, type: types?.length ? types.join(',') : undefined };
    return this.calls.transport.url + path + toQuery(query);
  }
}
