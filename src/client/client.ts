// The typed client: the resources of the API as properties, prompts, and streams that resume by themselves. The entry
// points add the connection: index.ts for Node.js, web.ts for everything else.

import type { Answer, PromptRequest, PromptResult } from './api-objects.ts';
import type { CallOptions, PromptCallOptions, PromptStreamOptions } from './call-options.ts';
import { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import { CodeBuddyConnectionError } from './errors.ts';
import type { PromptAnswers } from './prompt-answers.ts';
import { PromptStream, waitTypes } from './prompt-stream.ts';
import { Agents } from './resources/agents.ts';
import { Deliveries } from './resources/deliveries.ts';
import { Events, StreamTickets } from './resources/events.ts';
import { Files } from './resources/files.ts';
import { Inbox } from './resources/inbox.ts';
import { Keys } from './resources/keys.ts';
import { McpServers } from './resources/mcp-servers.ts';
import { Models } from './resources/models.ts';
import { Nodes } from './resources/nodes.ts';
import { Permissions } from './resources/permissions.ts';
import { Runs } from './resources/runs.ts';
import { Sessions } from './resources/sessions.ts';
import { Settings } from './resources/settings.ts';
import { SignIn } from './resources/sign-in.ts';
import { Tools } from './resources/tools.ts';
import { Triggers } from './resources/triggers.ts';
import { Uploads } from './resources/uploads.ts';
import { Webhooks } from './resources/webhooks.ts';
import { Workspaces } from './resources/workspaces.ts';
import type { StreamEvent } from './stream-event.ts';
import { Transport, type TransportOptions } from './transport.ts';

/**
 * A client for a Code Buddy API server. Every method throws CodeBuddyApiError if the server answers with an error,
 * CodeBuddyConnectionError if it does not answer, and the signal's reason after an abort.
 */
export class ApiClient {
  readonly runs: Runs;
  readonly permissions: Permissions;
  readonly inbox: Inbox;
  readonly tools: Tools;
  readonly sessions: Sessions;
  readonly files: Files;
  readonly events: Events;
  readonly streamTickets: StreamTickets;
  readonly uploads: Uploads;
  readonly webhooks: Webhooks;
  readonly triggers: Triggers;
  readonly deliveries: Deliveries;
  readonly keys: Keys;
  readonly nodes: Nodes;
  readonly settings: Settings;
  readonly agents: Agents;
  readonly models: Models;
  readonly workspaces: Workspaces;
  readonly mcpServers: McpServers;
  readonly signIn: SignIn;
  readonly #calls: Calls;

  constructor(connection: Connection, options: TransportOptions) {
    const calls = new Calls(new Transport(connection, options));
    this.#calls = calls;
    this.runs = new Runs(calls);
    this.permissions = new Permissions(calls);
    this.inbox = new Inbox(calls);
    this.tools = new Tools(calls);
    this.sessions = new Sessions(calls);
    this.files = new Files(calls);
    this.events = new Events(calls);
    this.streamTickets = new StreamTickets(calls);
    this.uploads = new Uploads(calls);
    this.webhooks = new Webhooks(calls);
    this.triggers = new Triggers(calls);
    this.deliveries = new Deliveries(calls);
    this.keys = new Keys(calls);
    this.nodes = new Nodes(calls);
    this.settings = new Settings(calls);
    this.agents = new Agents(calls);
    this.models = new Models(calls);
    this.mcpServers = new McpServers(calls);
    this.workspaces = new Workspaces(calls);
    this.signIn = new SignIn(calls);
  }

  /** The URL of the server. Without the option `url`, it changes if the server restarts at another address. */
  get url(): string {
    return this.#calls.transport.url;
  }

  /** Checks that the server is alive. Needs no API key. */
  health(options?: CallOptions): Promise<Answer<'getHealth', 200>> {
    return this.#calls.get('/health', options);
  }

  /** Checks that all parts of the server are ready. `not_ready` is an answer, not an error. */
  ready(options?: CallOptions): Promise<Answer<'getReadiness', 200>> {
    return this.#calls.get('/health/ready', options, {}, 503);
  }

  /** Gets the name, version and endpoints of the API. */
  index(options?: CallOptions): Promise<Answer<'getIndex', 200>> {
    return this.#calls.get('/api', options);
  }

  /** Gets the status of the process, the agent and the webhooks. */
  status(options?: CallOptions): Promise<Answer<'getStatus', 200>> {
    return this.#calls.get('/api/status', options);
  }

  /** Gets the metrics of the server and the host application as JSON. */
  metrics(options?: CallOptions): Promise<Answer<'getMetrics', 200>> {
    return this.#calls.get('/api/metrics', options);
  }

  /** Gets the metrics in the Prometheus text format. */
  prometheusMetrics(options?: CallOptions): Promise<string> {
    return this.#calls.text('/metrics', options);
  }

  /** Gets the OpenAPI 3.1 document of the server. */
  openapi(options?: CallOptions): Promise<Readonly<Record<string, unknown>>> {
    return this.#calls.get('/openapi.json', options);
  }

  /** Lists event types with the JSON Schemas of their data. */
  eventTypes(options?: CallOptions): Promise<Answer<'listEventTypes', 200>> {
    return this.#calls.get('/api/event-types', options);
  }

  /**
   * Sends a prompt and waits for the answer. Resumes after a broken connection. Aborting the signal cancels the run,
   * unless it waits for a permission.
   *
   * @throws PermissionRequiredError if a tool needs a permission and `onPermission` gives no decision; the run keeps
   * waiting
   * @throws CodeBuddyRunError if the run fails or is cancelled
   * @example
   * const { response } = await client.prompt('list *.md');
   * @example
   * const { response, cost } = await client.prompt(
   *   { prompt: 'fix the failing test', options: { maxCost: 0.5 } },
   *   { onPermission: async ({ tool }) => ({ decision: tool === 'bash' ? 'deny' : 'allow' }) },
   * );
   */
  async prompt(request: string | PromptRequest, options: PromptCallOptions = {}): Promise<PromptResult> {
    let answers: PromptAnswers | undefined;
    const body = withTools(toRequest(request), options);
    const stream = new PromptStream(this.#calls, body, { ...options, keepWaiting: true });
    for await (const event of stream.events()) {
      const { runId = '', sessionId = '' } = event;
      if (waitTypes.has(event.type)) {
        if (answers === undefined) {
          const { PromptAnswers } = await import('./prompt-answers.ts');
          answers = new PromptAnswers(this.permissions, this.inbox, options);
        }
        await answers.handle(event, stream.isLate);
      }
      if (event.type === 'run.failed' || event.type === 'run.cancelled') {
        const { toRunError } = await import('./failed-run.ts');
        throw toRunError(event);
      } else if (event.type === 'run.complete') {
        const { durationMs: _durationMs, ...result } = event.data;
        return { ...result, status: 'completed', runId, sessionId };
      }
    }
    throw new CodeBuddyConnectionError('closed', 'The event stream ended before the run did.');
  }

  /**
   * Sends a prompt and streams the events of the run, up to `run.complete`, `run.failed` or `run.cancelled`. `type`
   * determines `data`. Resumes after a broken connection: the texts of `message.delta` always add up to the answer.
   * Leaving the loop or aborting the signal cancels the run.
   *
   * @example
   * for await (const event of client.stream('list *.md'))
   *   if (event.type === 'message.delta') process.stdout.write(event.data.text);
   */
  stream(
    request: string | PromptRequest,
    options: PromptStreamOptions = {},
  ): AsyncGenerator<StreamEvent, void> {
    return new PromptStream(this.#calls, toRequest(request), options).events();
  }

  /**
   * Streams the events of a run that depends on this one connection.
   * @deprecated Use `stream`, with `resume: false` for the same behaviour.
   */
  promptStream(request: PromptRequest, options: PromptStreamOptions = {}): AsyncGenerator<StreamEvent, void> {
    return this.stream(request, { ...options, resume: false });
  }

  /** Closes idle connections. The client can be used again. */
  close(): void {
    this.#calls.transport.close();
  }
}

function toRequest(request: string | PromptRequest): PromptRequest {
  return typeof request === 'string' ? { prompt: request } : request;
}

/** The request with the declarations of the tools. */
function withTools(request: PromptRequest, { tools }: PromptCallOptions): PromptRequest {
  if (tools === undefined) return request;
  const declared = tools.map(({ name, description, schema }) => ({ name, description, schema }));
  return { ...request, tools: [...(request.tools ?? []), ...declared] };
}
