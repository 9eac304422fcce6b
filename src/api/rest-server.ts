// The public face of the REST server: make one, set handlers, start. Alone it touches no agent, no store and no file; with
// `services` (app.ts) it serves the built-in agent.

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
export type { PromptOptions } from '../contract/prompt.ts';
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

/** The events of a `RestApiServer`, with what their listeners get. */
export interface RestApiServerEvents {
  start: [address: ServerAddress];
  stop: [];
  /** An answer has ended (or its client has gone). */
  request: [event: RequestEvent];
  /** A fault that a client saw as 500. Unlike other emitters, no listener is needed. */
  error: [error: Error];
}

/**
 * The REST API as a server of its own.
 *
 * @example
 * const server = new RestApiServer({ port: 0 });
 * server.onPrompt = async (prompt) => `You said: ${prompt}`;
 * await server.start();
 * console.log(server.getAddress()?.url);
 */
export class RestApiServer extends EventEmitter<RestApiServerEvents> {
  private readonly handlers: HttpHandlers = {};
  private readonly server: HttpServer;

  /** @throws TypeError for a setting that makes no sense */
  constructor(config: ApiServerConfig = {}, services: HttpServices = {}) {
    super({ captureRejections: true });
    this.server = new HttpServer(resolveConfig(config), services, this.handlers, {
      onRequest: (event) => {
        this.tell(() => this.emit('request', event));
      },
      isRequestHeard: () => this.listenerCount('request') > 0,
      onFault: (error) => {
        if (this.listenerCount('error') > 0) this.tell(() => this.emit('error', error));
      },
    });
  }

  /** Answers `POST /api/prompt`; unset, the built-in agent does, or 503 `handler_not_configured`. */
  get onPrompt(): PromptHandler | undefined {
    return this.handlers.onPrompt;
  }
  set onPrompt(handler: PromptHandler | undefined) {
    this.handlers.onPrompt = handler;
  }

  /** Answers `POST /api/tools/:tool`; what it gives becomes `{result}`. */
  get onToolExecute(): ToolHandler | undefined {
    return this.handlers.onToolExecute;
  }
  set onToolExecute(handler: ToolHandler | undefined) {
    this.handlers.onToolExecute = handler;
  }

  /** Answers `GET /api/sessions`. */
  get onGetSessions(): HttpHandlers['onGetSessions'] {
    return this.handlers.onGetSessions;
  }
  set onGetSessions(handler: HttpHandlers['onGetSessions']) {
    this.handlers.onGetSessions = handler;
  }

  /** What it gives is merged over the server's own counters in `GET /api/metrics`. */
  get onGetMetrics(): HttpHandlers['onGetMetrics'] {
    return this.handlers.onGetMetrics;
  }
  set onGetMetrics(handler: HttpHandlers['onGetMetrics']) {
    this.handlers.onGetMetrics = handler;
  }

  /** Answers `GET /api/tools`. */
  get onListTools(): HttpHandlers['onListTools'] {
    return this.handlers.onListTools;
  }
  set onListTools(handler: HttpHandlers['onListTools']) {
    this.handlers.onListTools = handler;
  }

  /**
   * Adds a route, before or after `start()`. It passes the same steps as all (key, limits, validation if `options.schema` says
   * so) and appears in `getEndpoints()` and /openapi.json.
   * @param path `/api/hello/:name`; a plain part is preferred to a parameter
   * @throws TypeError if the route cannot be added, or exists
   */
  addRoute(method: HttpMethod, path: string, handler: RouteHandler, options: AddRouteOptions = {}): this {
    this.server.addRoute(addedRoute(method, path, handler, options));
    return this;
  }

  /** Every route there is: method, path, summary. */
  getEndpoints(): readonly Endpoint[] {
    return listEndpoints(this.server.routes.all());
  }

  /** Where the server listens; undefined while it does not. In a text it is its `url`, as the first version returned. */
  getAddress(): ServerAddress | undefined {
    const { address } = this.server;
    if (address === undefined) return undefined;
    return Object.defineProperty({ ...address }, 'toString', { value: () => address.url });
  }

  isServerRunning(): boolean {
    return this.server.isRunning;
  }

  /**
   * Resolves when requests are answered. Does nothing when running; works again after `stop()`.
   * @throws ServerStartError `address_in_use`, `key_required` (an address beyond loopback and no key), …
   */
  async start(): Promise<ServerAddress> {
    const wasRunning = this.isServerRunning();
    await this.server.start();
    const address = this.server.address;
    if (address === undefined) throw new TypeError('The server was stopped while it started');
    if (!wasRunning) this.tell(() => this.emit('start', address));
    return address;
  }

  /**
   * Stops accepting, answers new requests 503, ends streams, lets requests finish for up to `shutdownTimeoutMs`, then cuts them.
   * Never rejects; does nothing when stopped.
   */
  async stop(): Promise<void> {
    const wasRunning = this.isServerRunning();
    await this.server.stop();
    if (wasRunning) this.tell(() => this.emit('stop'));
  }

  /** A listener whose promise rejects. */
  override [captureRejectionSymbol](error: Error, ..._of: readonly unknown[]): void {
    warnOfListener(error);
  }

  /** A listener that fails is a fault of the host; it must not end the server, nor make `start()` fail. */
  private tell(emit: () => void): void {
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
 * The one server of this process; made at the first call, with its `config`.
 * @throws TypeError if there is one with another `config`
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
      'getApiServer: this process has a server with another config; stop it with stopApiServer() first, or use new RestApiServer(config)',
    );
  return shared;
}

/** Starts the one server of this process, and gives it. */
export async function startApiServer(
  config?: ApiServerConfig,
  services?: HttpServices,
): Promise<RestApiServer> {
  const server = getApiServer(config, services);
  await server.start();
  return server;
}

/** Stops the one server of this process; the next `getApiServer()` makes a new one. */
export async function stopApiServer(): Promise<void> {
  const server = shared;
  shared = undefined;
  await server?.stop();
}
