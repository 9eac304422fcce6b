// The typed client: one method a route, named as in /openapi.json, and streams that resume by themselves.

import type { operations } from './api-types.ts';
import { type DiscoveryOptions, discover } from './discovery.ts';
import { ApiError, PermissionRequiredError, runError, ServerUnreachableError } from './errors.ts';
import { followStream, readStream, toQuery } from './event-stream.ts';
import type { StreamEvent } from './stream-event.ts';
import { Transport } from './transport.ts';

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
export type Permission = Answer<'listPermissions', 200>['permissions'][number];
export type PermissionDecision = Body<'decidePermission'>;
export type Session = Answer<'getSession', 200>;
export type ExportedSession = Answer<'exportSession', 200>;
export type Message = Answer<'listSessionMessages', 200>['messages'][number];
export type ToolDescription = Answer<'listTools', 200>['tools'][number];
export type LoggedEvent = Answer<'listEvents', 200>['events'][number];
export type Webhook = Answer<'getWebhook', 200>;
export type WebhookPatch = Body<'updateWebhook'>;
export type CreatedWebhook = Answer<'createWebhook', 201>;
export type Delivery = Answer<'listDeliveries', 200>['deliveries'][number];
export type ExplainedDelivery = Answer<'getDelivery', 200>;
export type ApiKey = Answer<'listKeys', 200>['keys'][number];

/** Answers for a tool that waits, or leaves it waiting (undefined). */
export type OnPermission = (permission: Permission) => Promise<PermissionDecision | undefined>;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface MakingOptions extends CallOptions {
  /** Makes a repeated call answer as the first did, for 24 h. */
  readonly idempotencyKey?: string;
}

export interface PromptCallOptions extends MakingOptions {
  /** Asked when a tool needs a permission. Without it, `prompt` throws PermissionRequiredError then. */
  readonly onPermission?: OnPermission;
}

export interface PromptStreamOptions extends CallOptions {
  /** A run that waits for a permission goes on when the loop is left. @default false */
  readonly keepWaiting?: boolean;
}

export interface FollowOptions extends CallOptions {
  /** Start after this sequence; 0 is the beginning. */
  readonly after?: number | undefined;
  /** Also `message.delta` and `tool.output`, which are not logged. @default false */
  readonly deltas?: boolean;
  /** Wait and go on when the connection breaks. @default true */
  readonly resume?: boolean;
}

/** Without `after`, a stream of all events begins with what is new. */
export interface StreamOptions extends FollowOptions {
  /** Names, or `tool.*`. @default all */
  readonly types?: readonly string[] | undefined;
  readonly sessionId?: string;
  readonly runId?: string;
}

export interface CodeBuddyClientOptions extends DiscoveryOptions {}

const runEnds: ReadonlySet<string> = new Set(['run.complete', 'run.cancelled']);

/**
 * Talks to a Code Buddy API server; without options, to the local one, with the key it left in the config folder.
 * Every method throws ApiError (the server said no) or ServerUnreachableError.
 *
 * @example
 * const client = new CodeBuddyClient();
 * const { response } = await client.prompt({ prompt: 'list *.md' });
 */
export class CodeBuddyClient {
  readonly #transport: Transport;

  /**
   * @throws TypeError if `url` is no http URL
   * @throws ServerUnreachableError if no `url` is given and no server is running
   */
  constructor(options: CodeBuddyClientOptions = {}) {
    this.#transport = new Transport(() => discover(options));
  }

  /** Where the server is. Without a `url` of yours it changes when the server was started again elsewhere. */
  get url(): string {
    return this.#transport.url;
  }

  health(options: CallOptions = {}): Promise<Answer<'getHealth', 200>> {
    return this.#get('/health', options);
  }

  /** Whether each part is ready; `not_ready` is an answer, not an error. */
  async ready(options: CallOptions = {}): Promise<Answer<'getReadiness', 200>> {
    const { signal } = options;
    const answer = await this.#transport.json({
      method: 'GET',
      path: '/health/ready',
      alsoFine: 503,
      signal,
    });
    return answer as Answer<'getReadiness', 200>;
  }

  /** Name, version and endpoints. */
  index(options: CallOptions = {}): Promise<Answer<'getIndex', 200>> {
    return this.#get('/api', options);
  }

  status(options: CallOptions = {}): Promise<Answer<'getStatus', 200>> {
    return this.#get('/api/status', options);
  }

  metrics(options: CallOptions = {}): Promise<Answer<'getMetrics', 200>> {
    return this.#get('/api/metrics', options);
  }

  /** The same figures in Prometheus' text format. */
  prometheusMetrics({ signal }: CallOptions = {}): Promise<string> {
    return this.#transport.text({ method: 'GET', path: '/metrics', headers: { accept: '*/*' }, signal });
  }

  async openapi(options: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    return this.#get('/openapi.json', options);
  }

  eventTypes(options: CallOptions = {}): Promise<Answer<'listEventTypes', 200>> {
    return this.#get('/api/event-types', options);
  }

  /**
   * Sends a prompt and waits for the answer. Aborting the signal cancels the run, as long as no permission was asked for.
   * @throws PermissionRequiredError if a tool needs a permission and `onPermission` gives none; the run waits on
   */
  async prompt(request: PromptRequest, options: PromptCallOptions = {}): Promise<PromptResult> {
    const answer = await this.#send<PromptResult | Answer<'prompt', 202>>(
      'POST',
      '/api/prompt',
      request,
      options,
    );
    if (answer.status === 'completed') return answer;
    const { onPermission, signal } = options;
    const asked = new Set<string>();
    // `queued`: the Idempotency-Key was used by a prompt that was left to itself.
    const [runId, sessionId] =
      answer.status === 'waiting' ? [answer.runId, answer.sessionId] : [answer.id, answer.sessionId];
    if (answer.status === 'waiting') {
      asked.add(answer.permission.id);
      await this.#answer(answer.permission, onPermission, signal);
    }
    for await (const { type, data } of this.runs.events(runId, { signal })) {
      if (type === 'permission.request' && !asked.has(String(data.permissionId))) {
        asked.add(String(data.permissionId));
        const { permissions } = await this.permissions.list({ runId }, { signal });
        const next = permissions.find(({ id }) => id === data.permissionId);
        if (next !== undefined) await this.#answer(next, onPermission, signal);
      } else if (type === 'run.failed' || type === 'run.cancelled') {
        throw runError(type, data);
      } else if (type === 'run.complete') {
        const result = data as Omit<PromptResult, 'status' | 'runId' | 'sessionId'>;
        return { ...result, status: 'completed', runId, sessionId };
      }
    }
    throw new ServerUnreachableError('the stream of events ended before the run did');
  }

  /** @throws PermissionRequiredError if there is no answer */
  async #answer(
    permission: Permission,
    onPermission: OnPermission | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const decision = await onPermission?.(permission);
    if (decision === undefined) throw new PermissionRequiredError(permission);
    try {
      await this.permissions.decide(permission.id, decision, { signal });
    } catch (error) {
      // Somebody else was quicker; the run goes on either way.
      if (!(error instanceof ApiError && error.code === 'permission_resolved')) throw error;
    }
  }

  /**
   * Sends a prompt and gives the run's events as they happen, deltas too; ends with `run.complete`, `run.failed` or
   * `run.cancelled`. Leaving the loop, or aborting the signal, cancels the run; with `keepWaiting`, not after a
   * `permission.request`.
   */
  promptStream(
    request: PromptRequest,
    { signal, keepWaiting = false }: PromptStreamOptions = {},
  ): AsyncGenerator<StreamEvent> {
    const headers = keepWaiting ? { prefer: 'respond-async' } : {};
    return readStream(this.#transport, {
      method: 'POST',
      path: '/api/prompt',
      body: request,
      headers,
      signal,
    });
  }

  readonly runs = {
    /** Sends a prompt without waiting for its answer. */
    start: (request: PromptRequest, options: MakingOptions = {}): Promise<Run> =>
      this.#send('POST', '/api/prompt', request, options, { prefer: 'respond-async' }),
    list: (query: Query<'listRuns'> = {}, options: CallOptions = {}): Promise<Answer<'listRuns', 200>> =>
      this.#get(`/api/runs${toQuery(query)}`, options),
    get: (id: string, options: CallOptions = {}): Promise<Run> =>
      this.#get(`/api/runs/${encodeURIComponent(id)}`, options),
    cancel: (id: string, options: CallOptions = {}): Promise<Answer<'cancelRun', 200>> =>
      this.#send('POST', `/api/runs/${encodeURIComponent(id)}/cancel`, undefined, options),
    /** Goes on with a run that was interrupted, or failed. */
    resume: (id: string, options: CallOptions = {}): Promise<Answer<'resumeRun', 202>> =>
      this.#send('POST', `/api/runs/${encodeURIComponent(id)}/resume`, undefined, options),
    /** The run from its first event, then what comes, to its end; goes on after broken connections. */
    events: (id: string, options: FollowOptions = {}): AsyncGenerator<StreamEvent> =>
      this.#follow(
        `/api/runs/${encodeURIComponent(id)}/events`,
        options,
        {},
        // One that has failed may have been resumed; if not, the server says that nothing more comes.
        ({ type }) => runEnds.has(type),
      ),
  };

  readonly permissions = {
    /** The tools that wait for a person, oldest first. */
    list: (
      query: Query<'listPermissions'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'listPermissions', 200>> => this.#get(`/api/permissions${toQuery(query)}`, options),
    decide: (
      id: string,
      decision: PermissionDecision,
      options: CallOptions = {},
    ): Promise<Answer<'decidePermission', 200>> =>
      this.#send('POST', `/api/permissions/${encodeURIComponent(id)}`, decision, options),
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
    /** A new session that begins with the messages of this one, up to `messageId`. */
    fork: (id: string, body: Body<'forkSession'> = {}, options: MakingOptions = {}): Promise<Session> =>
      this.#send('POST', `/api/sessions/${encodeURIComponent(id)}/fork`, body, options),
    /** The whole session as one document; the text of one with `format: 'markdown'`. */
    export: <F extends 'json' | 'markdown' = 'json'>(
      id: string,
      query: { readonly format?: F } = {},
      options: CallOptions = {},
    ): Promise<F extends 'markdown' ? string : ExportedSession> =>
      this.#get(
        `/api/sessions/${encodeURIComponent(id)}/export${toQuery(query)}`,
        options,
        query.format === 'markdown' ? 'text' : 'json',
      ),
    delete: (id: string, options: CallOptions = {}): Promise<void> =>
      this.#send('DELETE', `/api/sessions/${encodeURIComponent(id)}`, undefined, options),
    messages: (
      id: string,
      query: Query<'listSessionMessages'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'listSessionMessages', 200>> =>
      this.#get(`/api/sessions/${encodeURIComponent(id)}/messages${toQuery(query)}`, options),
    /** The session from its first event, then what comes, until the loop is left; goes on after broken connections. */
    events: (id: string, options: FollowOptions = {}): AsyncGenerator<StreamEvent> =>
      this.#follow(`/api/sessions/${encodeURIComponent(id)}/events`, options),
  };

  readonly events = {
    list: (query: Query<'listEvents'> = {}, options: CallOptions = {}): Promise<Answer<'listEvents', 200>> =>
      this.#get(`/api/events${toQuery(query)}`, options),
    get: (id: string, options: CallOptions = {}): Promise<Answer<'getEvent', 200>> =>
      this.#get(`/api/events/${encodeURIComponent(id)}`, options),
    /** Follows the log. A connection that breaks is made again, after the last event seen: none is lost, none comes twice. */
    stream: (options: StreamOptions = {}): AsyncGenerator<StreamEvent> => this.#followAll(options),
  };

  readonly webhooks = {
    list: (
      query: Query<'listWebhooks'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'listWebhooks', 200>> => this.#get(`/api/webhooks${toQuery(query)}`, options),
    get: (id: string, options: CallOptions = {}): Promise<Webhook> =>
      this.#get(`/api/webhooks/${encodeURIComponent(id)}`, options),
    /** `secret` and `signingSecret` are in the answer this once. */
    create: (body: Body<'createWebhook'>, options: CallOptions = {}): Promise<CreatedWebhook> =>
      this.#send('POST', '/api/webhooks', body, options),
    /** What is left out stays as it is. */
    update: (id: string, body: WebhookPatch, options: CallOptions = {}): Promise<Webhook> =>
      this.#send('PATCH', `/api/webhooks/${encodeURIComponent(id)}`, body, options),
    /** Cancels what is pending. */
    remove: (id: string, options: CallOptions = {}): Promise<void> =>
      this.#send('DELETE', `/api/webhooks/${encodeURIComponent(id)}`, undefined, options),
    /** Queues a `webhook.test` event; `deliveries.get` tells what became of it. */
    test: (id: string, options: CallOptions = {}): Promise<Delivery> =>
      this.#send('POST', `/api/webhooks/${encodeURIComponent(id)}/test`, undefined, options),
    /** The new secret is in the answer this once; the old one signs too for 24 h. */
    rotateSecret: (
      id: string,
      body: Body<'rotateWebhookSecret'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'rotateWebhookSecret', 200>> =>
      this.#send('POST', `/api/webhooks/${encodeURIComponent(id)}/rotate-secret`, body, options),
    /** Queues events of the log, `after` a sequence number or an RFC 3339 time. */
    replay: (
      id: string,
      body: Body<'replayToWebhook'>,
      options: CallOptions = {},
    ): Promise<Answer<'replayToWebhook', 202>> =>
      this.#send('POST', `/api/webhooks/${encodeURIComponent(id)}/replay`, body, options),
    enable: (
      id: string,
      body: Body<'enableWebhook'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'enableWebhook', 200>> =>
      this.#send('POST', `/api/webhooks/${encodeURIComponent(id)}/enable`, body, options),
  };

  readonly deliveries = {
    list: (
      query: Query<'listDeliveries'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'listDeliveries', 200>> => this.#get(`/api/deliveries${toQuery(query)}`, options),
    /** With every attempt, and an explanation in words. */
    get: (id: string, options: CallOptions = {}): Promise<ExplainedDelivery> =>
      this.#get(`/api/deliveries/${encodeURIComponent(id)}`, options),
    /** Sends one that has ended again: the same id, the same bytes. */
    retry: (id: string, options: CallOptions = {}): Promise<Delivery> =>
      this.#send('POST', `/api/deliveries/${encodeURIComponent(id)}/retry`, undefined, options),
    /** Sends all that failed again. */
    retryFailed: (
      filter: Body<'retryDeliveries'> = {},
      options: CallOptions = {},
    ): Promise<Answer<'retryDeliveries', 202>> =>
      this.#send('POST', '/api/deliveries/retry', filter, options),
    /** Deletes those that have ended. */
    clear: (query: Query<'clearDeliveries'> = {}, options: CallOptions = {}): Promise<void> =>
      this.#send('DELETE', `/api/deliveries${toQuery(query)}`, undefined, options),
  };

  readonly streamTickets = {
    /** A ticket with which a web page can open one stream within 60 s: `new EventSource(`${url}/api/events?ticket=${ticket}`)`. */
    create: (options: CallOptions = {}): Promise<Answer<'createStreamTicket', 201>> =>
      this.#send('POST', '/api/stream-tickets', undefined, options),
  };

  readonly keys = {
    list: (options: CallOptions = {}): Promise<Answer<'listKeys', 200>> => this.#get('/api/keys', options),
    /** `key` is in the answer this once. */
    create: (body: Body<'createKey'>, options: CallOptions = {}): Promise<Answer<'createKey', 201>> =>
      this.#send('POST', '/api/keys', body, options),
    revoke: (id: string, options: CallOptions = {}): Promise<void> =>
      this.#send('DELETE', `/api/keys/${encodeURIComponent(id)}`, undefined, options),
  };

  /** Closes the kept connections. */
  close(): void {
    this.#transport.close();
  }

  // The generated types say what each route answers; this is the border where they are believed.
  async #get<T>(path: string, { signal }: CallOptions, kind: 'json' | 'text' = 'json'): Promise<T> {
    const headers = kind === 'text' ? { accept: '*/*' } : {};
    return (await this.#transport[kind]({ method: 'GET', path, headers, signal })) as T;
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

  async *#followAll({ types, sessionId, runId, ...options }: StreamOptions): AsyncGenerator<StreamEvent> {
    let { after } = options;
    if (after === undefined && options.resume !== false) {
      // Pinned now: a connection that breaks before the first event must not lose what came in between.
      const { events } = await this.events.list({ limit: 1, order: 'desc' }, options);
      after = events[0]?.sequence ?? 0;
    }
    yield* this.#follow(
      '/api/events',
      { ...options, after },
      { type: types?.length ? types.join(',') : undefined, sessionId, runId },
    );
  }

  #follow(
    path: string,
    { after, deltas, resume = true, signal }: FollowOptions,
    query: Readonly<Record<string, unknown>> = {},
    isLast: (event: StreamEvent) => boolean = () => false,
  ): AsyncGenerator<StreamEvent> {
    const all = { ...query, deltas };
    return followStream(this.#transport, { path, query: all, after, resume, isLast, signal });
  }
}
