// The typed client: one method a route, named as in /openapi.json, and streams that resume by themselves.

import { setTimeout as wait } from 'node:timers/promises';
import type { operations } from './api-types.ts';
import { type DiscoveryOptions, discover } from './discovery.ts';
import { ServerUnreachableError } from './errors.ts';
import { SseParser } from './sse-parser.ts';
import { type RequestOptions, Transport } from './transport.ts';

type Operations = operations;
type JsonOf<R> = R extends { readonly content: { readonly 'application/json': infer T } } ? T : never;
type Answer<O extends keyof Operations, S extends number> = S extends keyof Operations[O]['responses']
  ? JsonOf<Operations[O]['responses'][S]>
  : never;
type Body<O extends keyof Operations> = Operations[O] extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer T } };
}
  ? T
  : never;
type Query<O extends keyof Operations> = NonNullable<Operations[O]['parameters']['query']>;

export type PromptRequest = Body<'prompt'>;
export type PromptResult = Answer<'prompt', 200>;
export type Run = Answer<'getRun', 200>;
export type Session = Answer<'getSession', 200>;
export type Message = Answer<'listSessionMessages', 200>['messages'][number];
export type ToolDescription = Answer<'listTools', 200>['tools'][number];
export type LoggedEvent = Answer<'listEvents', 200>['events'][number];
export type ApiKey = Answer<'listKeys', 200>['keys'][number];

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface MakingOptions extends CallOptions {
  /** Makes a repeated call answer as the first did, for 24 h. */
  readonly idempotencyKey?: string;
}

/** One message of a stream. Deltas (`message.delta`, `tool.output`) have no sequence. */
export interface StreamEvent {
  readonly type: string;
  readonly sequence?: number;
  readonly sessionId?: string;
  readonly runId?: string;
  readonly timestamp?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface StreamOptions extends CallOptions {
  /** Start after this sequence; default: only what is new. */
  readonly after?: number | undefined;
  readonly types?: readonly string[] | undefined;
  readonly sessionId?: string;
  readonly runId?: string;
  readonly deltas?: boolean;
  /** Wait and go on when the connection breaks. @default true */
  readonly resume?: boolean;
}

export interface CodeBuddyClientOptions extends DiscoveryOptions {}

/**
 * Talks to a Code Buddy API server; without options, to the local one, with the key it left in the config folder.
 * Every method throws ApiError (the server said no) or ServerUnreachableError.
 *
 * @example
 * const client = new CodeBuddyClient();
 * const { response } = await client.prompt({ prompt: 'list *.md' });
 */
export class CodeBuddyClient {
  readonly url: string;
  readonly #transport: Transport;

  /** @throws ServerUnreachableError if no `url` is given and no server has been started */
  constructor(options: CodeBuddyClientOptions = {}) {
    const endpoint = discover(options);
    this.url = endpoint.url;
    this.#transport = new Transport(endpoint);
  }

  health(options: CallOptions = {}): Promise<Answer<'getHealth', 200>> {
    return this.#get('/health', options);
  }

  status(options: CallOptions = {}): Promise<Answer<'getStatus', 200>> {
    return this.#get('/api/status', options);
  }

  metrics(options: CallOptions = {}): Promise<Answer<'getMetrics', 200>> {
    return this.#get('/api/metrics', options);
  }

  async openapi(options: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    return this.#get('/openapi.json', options);
  }

  eventTypes(options: CallOptions = {}): Promise<Answer<'listEventTypes', 200>> {
    return this.#get('/api/event-types', options);
  }

  /** Sends a prompt and waits for the answer. Aborting the signal cancels the run. */
  prompt(request: PromptRequest, options: MakingOptions = {}): Promise<PromptResult> {
    return this.#send('POST', '/api/prompt', request, options);
  }

  /** Sends a prompt and gives the run's events as they happen, deltas too; ends with `run.complete`, `run.failed` or `run.cancelled`. */
  promptStream(request: PromptRequest, options: CallOptions = {}): AsyncGenerator<StreamEvent> {
    return this.#stream({ method: 'POST', path: '/api/prompt', body: request, signal: options.signal });
  }

  readonly runs = {
    /** Sends a prompt without waiting for its answer. */
    start: (request: PromptRequest, options: MakingOptions = {}): Promise<Answer<'prompt', 202>> =>
      this.#send('POST', '/api/prompt', request, options, { prefer: 'respond-async' }),
    list: (query: Query<'listRuns'> = {}, options: CallOptions = {}): Promise<Answer<'listRuns', 200>> =>
      this.#get(`/api/runs${toQuery(query)}`, options),
    get: (id: string, options: CallOptions = {}): Promise<Run> =>
      this.#get(`/api/runs/${encodeURIComponent(id)}`, options),
    cancel: (id: string, options: CallOptions = {}): Promise<Answer<'cancelRun', 200>> =>
      this.#send('POST', `/api/runs/${encodeURIComponent(id)}/cancel`, undefined, options),
    /** The whole run from its first event, then what comes, to its end. */
    events: (id: string, options: CallOptions = {}): AsyncGenerator<StreamEvent> =>
      this.#stream({
        method: 'GET',
        path: `/api/runs/${encodeURIComponent(id)}/events`,
        signal: options.signal,
      }),
  };

  readonly tools = {
    list: (options: CallOptions = {}): Promise<Answer<'listTools', 200>> => this.#get('/api/tools', options),
    execute: (
      tool: string,
      params: Readonly<Record<string, unknown>> = {},
      options: CallOptions = {},
    ): Promise<Answer<'runTool', 200>> =>
      this.#send('POST', `/api/tools/${encodeURIComponent(tool)}`, params, options),
  };

  readonly sessions = {
    list: (
      query: Query<'listSessions'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'listSessions', 200>> => this.#get(`/api/sessions${toQuery(query)}`, options),
    create: (body: Body<'createSession'>, options: MakingOptions = {}): Promise<Session> =>
      this.#send('POST', '/api/sessions', body, options),
    get: (id: string, options: CallOptions = {}): Promise<Session> =>
      this.#get(`/api/sessions/${encodeURIComponent(id)}`, options),
    update: (id: string, body: Body<'updateSession'>, options: CallOptions = {}): Promise<Session> =>
      this.#send('PATCH', `/api/sessions/${encodeURIComponent(id)}`, body, options),
    delete: (id: string, options: CallOptions = {}): Promise<void> =>
      this.#send('DELETE', `/api/sessions/${encodeURIComponent(id)}`, undefined, options),
    messages: (
      id: string,
      query: Query<'listSessionMessages'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'listSessionMessages', 200>> =>
      this.#get(`/api/sessions/${encodeURIComponent(id)}/messages${toQuery(query)}`, options),
  };

  readonly events = {
    list: (query: Query<'listEvents'> = {}, options: CallOptions = {}): Promise<Answer<'listEvents', 200>> =>
      this.#get(`/api/events${toQuery(query)}`, options),
    get: (id: string, options: CallOptions = {}): Promise<Answer<'getEvent', 200>> =>
      this.#get(`/api/events/${encodeURIComponent(id)}`, options),
    /** Follows the log. A connection that breaks is made again, after the last event seen: none is lost, none comes twice. */
    stream: (options: StreamOptions = {}): AsyncGenerator<StreamEvent> => this.#follow(options),
  };

  readonly keys = {
    list: (options: CallOptions = {}): Promise<Answer<'listKeys', 200>> => this.#get('/api/keys', options),
    /** `key` is in the answer this once. */
    create: (body: Body<'createKey'>, options: MakingOptions = {}): Promise<Answer<'createKey', 201>> =>
      this.#send('POST', '/api/keys', body, options),
    revoke: (id: string, options: CallOptions = {}): Promise<void> =>
      this.#send('DELETE', `/api/keys/${encodeURIComponent(id)}`, undefined, options),
  };

  /** Closes the kept connections. */
  close(): void {
    this.#transport.close();
  }

  // The generated types say what each route answers; this is the border where they are believed.
  async #get<T>(path: string, { signal }: CallOptions): Promise<T> {
    return (await this.#transport.json({ method: 'GET', path, signal })) as T;
  }

  async #send<T>(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: unknown,
    { signal, idempotencyKey }: MakingOptions,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const all = idempotencyKey === undefined ? headers : { ...headers, 'idempotency-key': idempotencyKey };
    return (await this.#transport.json({ method, path, body, headers: all, signal })) as T;
  }

  async *#stream(request: RequestOptions): AsyncGenerator<StreamEvent> {
    const headers = { ...request.headers, accept: 'text/event-stream' };
    const response = await this.#transport.open({ ...request, headers });
    const parser = new SseParser();
    try {
      for await (const chunk of response) {
        for (const { event, data } of parser.push(chunk as Buffer)) {
          const value = JSON.parse(data) as StreamEvent;
          // `gap` and `overflow` are messages of the stream, not events: they carry their data bare.
          yield value.type === undefined ? { type: event, data: { ...value } } : value;
        }
      }
    } catch (cause) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw new ServerUnreachableError('the connection broke while streaming', { cause });
    } finally {
      response.destroy();
    }
  }

  async *#follow({
    after,
    types,
    sessionId,
    runId,
    deltas,
    resume = true,
    signal,
  }: StreamOptions): AsyncGenerator<StreamEvent> {
    let position = after;
    if (position === undefined && resume) {
      // Pinned now: a connection that breaks before the first event must not lose what came in between.
      const { events } = await this.events.list({ limit: 1, order: 'desc' }, { signal });
      position = events[0]?.sequence ?? 0;
    }
    let pauseMs = 0;
    for (;;) {
      try {
        const query = { after: position, type: types?.join(','), sessionId, runId, deltas };
        for await (const event of this.#stream({
          method: 'GET',
          path: `/api/events${toQuery(query)}`,
          signal,
        })) {
          pauseMs = 0;
          if (event.sequence !== undefined) position = event.sequence;
          if (event.type !== 'overflow') yield event;
        }
      } catch (error) {
        if (!resume || !(error instanceof ServerUnreachableError)) throw error;
      }
      if (!resume) return;
      pauseMs = Math.min(5000, pauseMs * 2 || 100);
      await wait(pauseMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

function toQuery(values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) query.append(name, String(item));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
