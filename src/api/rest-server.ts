// The REST server of a host application: create it, set handlers, start it. On its own it uses no agent, store or file.
// With `services` (app.ts), it serves the built-in agent.

import { captureRejectionSymbol, EventEmitter } from 'node:events';
import type { AddRouteOptions, RouteHandler } from '../http/added-route.ts';
import { addedRoute } from '../http/added-route.ts';
import type { HttpHandlers, PromptHandler, ToolHandler } from '../http/handlers.ts';
import type { ApiServerConfig } from '../http/http-config.ts';
import { resolveConfig } from '../http/http-config.ts';
import type { ServerAddress } from '../http/http-server.ts';
import { HttpServer } from '../http/http-server.ts';
import type { RequestEvent } from '../http/pipeline/request-record.ts';
import type { Endpoint } from '../http/resources/api-index.ts';
import { listEndpoints } from '../http/resources/api-index.ts';
import type { HttpMethod } from '../http/route.ts';
import type { HttpServices } from '../http/services.ts';
import { sameSettings } from './same-settings.ts';

export { CodeBuddyError } from '../base/errors.ts';
export type { PromptOptions } from '../contract/prompt-options.ts';
export type { PromptResult } from '../contract/prompt-result.ts';
export type { ToolDescription } from '../contract/tool.ts';
export type { AddRouteOptions, ApiRequest, RouteHandler } from '../http/added-route.ts';
export { type ApiReply, type ApiReply as ApiResponse, reply } from '../http/api-reply.ts';
export type {
  PromptAnswer,
  PromptContext,
  PromptEvent,
  PromptHandler,
  ToolContext,
  ToolHandler,
} from '../http/handlers.ts';
export type { ApiServerConfig } from '../http/http-config.ts';
export type { ServerAddress } from '../http/http-server.ts';
export type { RequestEvent } from '../http/pipeline/request-record.ts';
export type { Endpoint } from '../http/resources/api-index.ts';
export type { HttpMethod } from '../http/route.ts';
export { ServerStartError } from '../http/server-start-error.ts';
export type { HttpServices } from '../http/services.ts';

/** The events of a `RestApiServer` with the arguments of their listeners. */
export interface RestApiServerEvents {
  /** The server listens. */
  start: [address: ServerAddress];
  /** The server has stopped. */
  stop: [];
  /** An answer has ended, or its client has disconnected. */
  request: [event: RequestEvent];
  /** Internal error that a client got as a 500. Unlike with other emitters, no listener is required. */
  error: [error: Error];
}

/**
 * A server for the REST API. Set the handlers of the host application before or after `start()`.
 *
 * @example
 * const server = new RestApiServer({ port: 0 });
 * server.onPrompt = async (prompt) => `You said: ${prompt}`;
 * await server.start();
 * console.log(server.getAddress()?.url); // http://127.0.0.1:49152
 */
export class RestApiServer extends EventEmitter<RestApiServerEvents> {
  private readonly handlers: HttpHandlers = {};
  private readonly server: HttpServer;

  /** @throws TypeError naming the invalid setting */
  constructor(config: ApiServerConfig = {}, services: HttpServices = {}) {
    super({ captureRejections: true });
    this.server = new HttpServer(resolveConfig(config), services, this.handlers, {
      onRequest: (event) => {
        this.emitSafely(() => this.emit('request', event));
      },
      hasRequestListeners: () => this.listenerCount('request') > 0,
      onInternalError: (error) => {
        if (this.listenerCount('error') > 0) this.emitSafely(() => this.emit('error', error));
      },
    });
  }

  /** Answers `POST /api/prompt`. @default the built-in agent, or 503 `handler_not_configured` without one */
  get onPrompt(): PromptHandler | undefined {
    return this.handlers.onPrompt;
  }
  set onPrompt(handler: PromptHandler | undefined) {
    this.handlers.onPrompt = handler;
  }

  /** Answers `POST /api/tools/:tool`. The returned value becomes `{result}`. @default the built-in tools, or 503 */
  get onToolExecute(): ToolHandler | undefined {
    return this.handlers.onToolExecute;
  }
  set onToolExecute(handler: ToolHandler | undefined) {
    this.handlers.onToolExecute = handler;
  }

  /** Answers `GET /api/sessions` and `GET /api/sessions/:id`. @default the sessions of the built-in agent, or 503 */
  get onGetSessions(): HttpHandlers['onGetSessions'] {
    return this.handlers.onGetSessions;
  }
  set onGetSessions(handler: HttpHandlers['onGetSessions']) {
    this.handlers.onGetSessions = handler;
  }

  /** Returns metrics to merge over those of the server in `GET /api/metrics`. @default none */
  get onGetMetrics(): HttpHandlers['onGetMetrics'] {
    return this.handlers.onGetMetrics;
  }
  set onGetMetrics(handler: HttpHandlers['onGetMetrics']) {
    this.handlers.onGetMetrics = handler;
  }

  /** Answers `GET /api/tools`. @default the built-in tools, an empty list if `onToolExecute` is set, or 503 */
  get onListTools(): HttpHandlers['onListTools'] {
    return this.handlers.onListTools;
  }
  set onListTools(handler: HttpHandlers['onListTools']) {
    this.handlers.onListTools = handler;
  }

  /**
   * Adds a route, before or after `start()`. The same checks apply as for all routes (API key, limits, validation by
   * `options.schema`), and it appears in `getEndpoints()` and /openapi.json.
   *
   * @param path for example `/api/hello/:name`; a literal segment takes precedence over a parameter
   * @throws TypeError if the route is invalid or already exists
   * @example
   * server.addRoute('GET', '/api/hello/:name', ({ params }) => ({ hello: params.name }));
   */
  addRoute(method: HttpMethod, path: string, handler: RouteHandler, options: AddRouteOptions = {}): this {
    this.server.addRoute(addedRoute(method, path, handler, options));
    return this;
  }

  /** Lists all routes with method, path and summary. */
  getEndpoints(): readonly Endpoint[] {
    return listEndpoints(this.server.routes.all());
  }

  /**
   * The address of the server; undefined while it does not listen. As a string it is its `url`, as in the first
   * version.
   */
  getAddress(): ServerAddress | undefined {
    const { address } = this.server;
    if (address === undefined) return undefined;
    return Object.defineProperty({ ...address }, 'toString', { value: () => address.url });
  }

  /** True while the server listens and is not stopping. */
  isServerRunning(): boolean {
    return this.server.isRunning;
  }

  /**
   * Starts the server. Resolves when it listens, at once if it already does. The server can be started again after
   * `stop()`.
   *
   * @throws ServerStartError `address_in_use`, `key_required` (not a loopback address, and no API key), …
   * @example
   * const { url } = await server.start();
   */
  async start(): Promise<ServerAddress> {
    const wasRunning = this.isServerRunning();
    await this.server.start();
    const address = this.server.address;
    if (address === undefined) throw new TypeError('The server was stopped while it started');
    if (!wasRunning) this.emitSafely(() => this.emit('start', address));
    return address;
  }

  /**
   * Stops the server: accepts no new connections, answers new requests with 503, ends streams, and waits up to
   * `shutdownTimeoutMs` for running requests before it closes their connections. Never rejects. Does nothing if the
   * server is stopped.
   */
  async stop(): Promise<void> {
    const wasRunning = this.isServerRunning();
    await this.server.stop();
    if (wasRunning) this.emitSafely(() => this.emit('stop'));
  }

  /** Called for a listener whose promise rejects. */
  override [captureRejectionSymbol](error: Error, ..._of: readonly unknown[]): void {
    warnOfListener(error);
  }

  /** Errors of the host application's listeners must not crash the server or make `start()` fail. */
  private emitSafely(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      warnOfListener(error);
    }
  }
}

function warnOfListener(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const detail = error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {};
  process.emitWarning(`A listener of the server failed: ${message}`, {
    code: 'CODEBUDDY_LISTENER',
    ...detail,
  });
}

let shared: RestApiServer | undefined;

let sharedWith: { readonly config: ApiServerConfig; readonly services: HttpServices | undefined };

/**
 * Returns the shared server of this process. Creates it on the first call with `config`.
 *
 * @throws TypeError if a shared server with another `config` exists
 * @example
 * getApiServer().onPrompt = async (prompt) => `You said: ${prompt}`;
 */
export function getApiServer(config?: ApiServerConfig, services?: HttpServices): RestApiServer {
  if (shared === undefined) {
    shared = new RestApiServer(config, services);
    sharedWith = { config: { ...config }, services };
    return shared;
  }
  const isSame =
    (config === undefined || sameSettings(config, sharedWith.config)) &&
    (services === undefined || services === sharedWith.services);
  if (!isSame)
    throw new TypeError(
      'getApiServer: a shared server with another config exists; stop it with stopApiServer() first, or use new RestApiServer(config)',
    );
  return shared;
}

/**
 * Starts the shared server of this process and returns it.
 *
 * @throws TypeError if a shared server with another `config` exists
 * @throws ServerStartError if it cannot listen
 * @example
 * const server = await startApiServer({ port: 3847, apiKey: process.env.MY_KEY });
 */
export async function startApiServer(
  config?: ApiServerConfig,
  services?: HttpServices,
): Promise<RestApiServer> {
  const server = getApiServer(config, services);
  await server.start();
  return server;
}

/**
 * Stops the shared server of this process. The next `getApiServer()` creates a new one.
 *
 * @example
 * await stopApiServer();
 */
export async function stopApiServer(): Promise<void> {
  const server = shared;
  shared = undefined;
  await server?.stop();
}
