// The typed client: one method per route, grouped by resource, and streams that resume by themselves.

import type { Answer, Permission, PromptRequest, PromptResult } from './api-objects.ts';
import type { CallOptions, OnPermission, PromptCallOptions, PromptStreamOptions } from './call-options.ts';
import { Calls } from './calls.ts';
import { type DiscoveryOptions, discover } from './discovery.ts';
import { ApiError, PermissionRequiredError, runError, ServerUnreachableError } from './errors.ts';
import { Deliveries } from './resources/deliveries.ts';
import { Events, StreamTickets } from './resources/events.ts';
import { Keys } from './resources/keys.ts';
import { Nodes } from './resources/nodes.ts';
import { Permissions } from './resources/permissions.ts';
import { Runs } from './resources/runs.ts';
import { Sessions } from './resources/sessions.ts';
import { Tools } from './resources/tools.ts';
import { Webhooks } from './resources/webhooks.ts';
import type { StreamEvent } from './stream-event.ts';
import { Transport } from './transport.ts';

/** Options of `CodeBuddyClient`. */
export interface CodeBuddyClientOptions extends DiscoveryOptions {}

/**
 * A client for a Code Buddy API server. Without options it uses the local server, with the API key from the config
 * folder. Every method throws ApiError if the server answers with an error, and ServerUnreachableError if it does not
 * answer.
 *
 * @example
 * const client = new CodeBuddyClient();
 * const { response } = await client.prompt({ prompt: 'list *.md' });
 */
export class CodeBuddyClient {
  readonly runs: Runs;
  readonly permissions: Permissions;
  readonly tools: Tools;
  readonly sessions: Sessions;
  readonly events: Events;
  readonly streamTickets: StreamTickets;
  readonly webhooks: Webhooks;
  readonly deliveries: Deliveries;
  readonly keys: Keys;
  readonly nodes: Nodes;
  readonly #transport: Transport;
  readonly #calls: Calls;

  /**
   * @throws TypeError if `url` is not an http or https URL
   * @throws ServerUnreachableError if no `url` is given and no server is running
   * @example
   * const client = new CodeBuddyClient({ url: 'https://agent.example.org', apiKey: process.env.AGENT_KEY });
   */
  constructor(options: CodeBuddyClientOptions = {}) {
    this.#transport = new Transport(() => discover(options));
    this.#calls = new Calls(this.#transport);
    this.runs = new Runs(this.#calls);
    this.permissions = new Permissions(this.#calls);
    this.tools = new Tools(this.#calls);
    this.sessions = new Sessions(this.#calls);
    this.events = new Events(this.#calls);
    this.streamTickets = new StreamTickets(this.#calls);
    this.webhooks = new Webhooks(this.#calls);
    this.deliveries = new Deliveries(this.#calls);
    this.keys = new Keys(this.#calls);
    this.nodes = new Nodes(this.#calls);
  }

  /** The URL of the server. Without the option `url`, it changes if the server restarts at another address. */
  get url(): string {
    return this.#transport.url;
  }

  /** Checks that the server is alive. Needs no API key. */
  health(options: CallOptions = {}): Promise<Answer<'getHealth', 200>> {
    return this.#calls.get('/health', options);
  }

  /** Checks that all parts of the server are ready. `not_ready` is an answer, not an error. */
  ready(options: CallOptions = {}): Promise<Answer<'getReadiness', 200>> {
    return this.#calls.get('/health/ready', options, {}, 503);
  }

  /** Gets the name, version and endpoints of the API. */
  index(options: CallOptions = {}): Promise<Answer<'getIndex', 200>> {
    return this.#calls.get('/api', options);
  }

  /** Gets the status of the process, the agent and the webhooks. */
  status(options: CallOptions = {}): Promise<Answer<'getStatus', 200>> {
    return this.#calls.get('/api/status', options);
  }

  /** Gets the metrics of the server and the host application as JSON. */
  metrics(options: CallOptions = {}): Promise<Answer<'getMetrics', 200>> {
    return this.#calls.get('/api/metrics', options);
  }

  /** Gets the metrics in the Prometheus text format. */
  prometheusMetrics(options: CallOptions = {}): Promise<string> {
    return this.#calls.text('/metrics', options);
  }

  /** Gets the OpenAPI 3.1 document of the server. */
  openapi(options: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    return this.#calls.get('/openapi.json', options);
  }

  /** Lists event types with the JSON Schemas of their data. */
  eventTypes(options: CallOptions = {}): Promise<Answer<'listEventTypes', 200>> {
    return this.#calls.get('/api/event-types', options);
  }

  /**
   * Sends a prompt and waits for the answer. Aborting the signal cancels the run, unless it has already asked for a
   * permission.
   *
   * @throws PermissionRequiredError if a tool needs a permission and `onPermission` gives no decision; the run keeps
   * waiting
   * @throws ApiError if the run fails or is cancelled
   * @example
   * const { response, cost } = await client.prompt(
   *   { prompt: 'fix the failing test', options: { maxCost: 0.5 } },
   *   { onPermission: async ({ tool }) => ({ decision: tool === 'bash' ? 'deny' : 'allow' }) },
   * );
   */
  async prompt(request: PromptRequest, options: PromptCallOptions = {}): Promise<PromptResult> {
    const answer = await this.#calls.send<PromptResult | Answer<'prompt', 202>>(
      'POST',
      '/api/prompt',
      request,
      options,
    );
    if (answer.status === 'completed') return answer;
    const { onPermission, signal } = options;
    const asked = new Set<string>();
    // `queued`: the Idempotency-Key was already used by a prompt that was sent without waiting.
    const [runId, sessionId] =
      answer.status === 'waiting' ? [answer.runId, answer.sessionId] : [answer.id, answer.sessionId];
    if (answer.status === 'waiting') {
      asked.add(answer.permission.id);
      await this.#decide(answer.permission, onPermission, signal);
    }
    for await (const { type, data } of this.runs.events(runId, { signal })) {
      if (type === 'permission.request' && !asked.has(String(data.permissionId))) {
        asked.add(String(data.permissionId));
        const { permissions } = await this.permissions.list({ runId }, { signal });
        const next = permissions.find(({ id }) => id === data.permissionId);
        if (next !== undefined) await this.#decide(next, onPermission, signal);
      } else if (type === 'run.failed' || type === 'run.cancelled') {
        throw runError(type, data);
      } else if (type === 'run.complete') {
        const result = data as Omit<PromptResult, 'status' | 'runId' | 'sessionId'>;
        return { ...result, status: 'completed', runId, sessionId };
      }
    }
    throw new ServerUnreachableError('The event stream ended before the run did.');
  }

  /**
   * Sends a prompt and streams the events of the run, including deltas, up to `run.complete`, `run.failed` or
   * `run.cancelled`. Leaving the loop or aborting the signal cancels the run. With `keepWaiting`, it is not cancelled
   * once it waits for a permission.
   *
   * @example
   * for await (const event of client.promptStream({ prompt: 'list *.md' }))
   *   if (event.type === 'message.delta') process.stdout.write(event.data.text);
   */
  promptStream(
    request: PromptRequest,
    { signal, keepWaiting = false }: PromptStreamOptions = {},
  ): AsyncGenerator<StreamEvent> {
    const headers = keepWaiting ? { prefer: 'respond-async' } : {};
    return this.#calls.stream({ method: 'POST', path: '/api/prompt', body: request, headers, signal });
  }

  /** Closes idle connections. The client can be used again. */
  close(): void {
    this.#transport.close();
  }

  /** @throws PermissionRequiredError without a decision */
  async #decide(
    permission: Permission,
    onPermission: OnPermission | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const decision = await onPermission?.(permission);
    if (decision === undefined) throw new PermissionRequiredError(permission);
    try {
      await this.permissions.decide(permission.id, decision, { signal });
    } catch (error) {
      // Someone else has decided first. The run continues.
      if (!(error instanceof ApiError && error.code === 'permission_resolved')) throw error;
    }
  }
}
