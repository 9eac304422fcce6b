// The lifecycle of a server: start, add routes, stop, start again. Runs one node:http server; requests pass the gate
// (pipeline/gate.ts) and then the current Fastify app, which is swapped when routes are added.

import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { passiveTracing } from '../base/passive-tracing.ts';
import type { Tracing } from '../base/tracing.ts';
import { findHostTracing, hasHostProvider } from '../tracing/host-provider.ts';
import type { HttpContext } from './context.ts';
import type { HttpHandlers } from './handlers.ts';
import type { ResolvedConfig } from './http-config.ts';
import { requireKeyBeyondLoopback } from './http-config.ts';
import { Metrics } from './metrics/metrics.ts';
import { currentIdentity } from './pipeline/api-keys-check.ts';
import { endWithProblem, makeClientErrorHandler } from './pipeline/connection-errors.ts';
import { type Connections, makeConnections } from './pipeline/connections.ts';
import type { FastifyApp } from './pipeline/fastify-app.ts';
import { buildFastifyApp } from './pipeline/fastify-app.ts';
import type { Gate } from './pipeline/gate.ts';
import { makeGate, refuse } from './pipeline/gate.ts';
import type { ServerLife } from './pipeline/gated-response.ts';
import { GatedResponse } from './pipeline/gated-response.ts';
import { makeOneTimeTokens, type OneTimeTokens } from './pipeline/one-time-tokens.ts';
import { isOpenAiPath } from './pipeline/openai-error.ts';
import { toProblem } from './pipeline/problem.ts';
import { GatedRequest, type Identity } from './pipeline/request-facts.ts';
import type { RequestEvent, RequestRecord } from './pipeline/request-record.ts';
import { makeRequestRecord } from './pipeline/request-record.ts';
import { makeSharedOneTimeTokens } from './pipeline/shared-one-time-tokens.ts';
import { builtInRoutes } from './resources/built-in-routes.ts';
import type { RouteDefinition } from './route.ts';
import { RouteTable } from './route-table.ts';
import { listenError } from './server-start-error.ts';
import type { HttpServices } from './services.ts';
import { signInCodePrefix } from './sign-in/sign-in-codes.ts';
import { makeSignInCookies } from './sign-in/sign-in-cookie.ts';
import { makeStreamPlaces } from './streaming/stream-places.ts';

/** Callbacks of the owner of the server. */
export interface HttpServerListeners {
  readonly onRequest: (event: RequestEvent) => void;
  /** False without a listener for requests, so no event needs to be created. */
  readonly hasRequestListeners: () => boolean;
  /** Called for internal errors; details must not reach clients. */
  readonly onInternalError: (error: Error) => void;
}

/** The address of a running server. `url` is one that clients on this machine can use. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** The app is built this long after the start, or when a request needs it. `GET /health` does not. In ms. */
const buildDelayMs = 20;
/** Interval at which Node checks for slow clients, in ms. */
const checkingIntervalMs = 1_000;

export class HttpServer {
  readonly routes = new RouteTable();
  private readonly config: ResolvedConfig;
  private readonly context: HttpContext;
  private readonly record: RequestRecord;
  private shutdown = new AbortController();
  private life: ServerLife = { isStopping: false };
  private startedAt = 0;
  private tracing: Tracing = passiveTracing;
  private server: Server<typeof GatedRequest, typeof GatedResponse> | undefined;
  private app: FastifyApp | undefined;
  private building: NodeJS.Timeout | undefined;
  /** Settles when the app has the newest routes. */
  private rebuilding: Promise<void> | undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private openApiText: Promise<string> | undefined;
  private connections: Connections | undefined;

  constructor(
    config: ResolvedConfig,
    services: HttpServices,
    handlers: Readonly<HttpHandlers>,
    listeners: HttpServerListeners,
  ) {
    this.config = config;
    const metrics = new Metrics();
    const server = this;
    this.context = {
      name: config.name,
      version: config.version,
      limits: config.limits,
      services,
      handlers,
      metrics,
      streams: makeStreamPlaces(config.limits),
      tickets: makeTokens('tkt_', services),
      signInCodes: makeTokens(signInCodePrefix, services),
      signInCookies: makeSignInCookies({
        secret: services.signInSecret ?? randomBytes(32).toString('base64url'),
        current: (identity) => currentIdentity(identity, services.keys),
      }),
      logger: config.logger,
      get tracing() {
        return server.tracing;
      },
      keyRequired: config.apiKeys.length > 0 || services.keys !== undefined,
      get shutdown() {
        return server.shutdown.signal;
      },
      get startedAt() {
        return server.startedAt;
      },
      port: () => this.address?.port,
      routes: () => this.routes.all(),
      openApi: () => this.openApi(),
    };
    this.record = makeRequestRecord({
      metrics,
      logger: config.logger,
      onRequest: listeners.onRequest,
      hasListeners: listeners.hasRequestListeners,
      onInternalError: listeners.onInternalError,
    });
    this.routes.addBuiltIn(builtInRoutes(this.context));
    // Throws for invalid settings here, in the constructor, and not in start().
    this.makeGate();
  }

  /** True while the server listens and is not stopping. */
  get isRunning(): boolean {
    return this.server?.listening === true && this.stopping === undefined;
  }

  /** Undefined while the server does not listen. */
  get address(): ServerAddress | undefined {
    const address = this.server?.address();
    if (address === null || address === undefined || typeof address === 'string') return undefined;
    return addressOf(address, this.config.host);
  }

  /** Resolves when the server listens, at once if it already does. @throws ServerStartError */
  start(): Promise<void> {
    if (this.isRunning) return Promise.resolve();
    const { stopping } = this;
    this.starting ??= (async () => {
      await stopping;
      await this.listen();
    })().finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  /** Resolves when every connection has ended, within `shutdownTimeoutMs`. Never rejects; does nothing when stopped. */
  stop(): Promise<void> {
    const { starting, server } = this;
    if (starting !== undefined && this.stopping === undefined) {
      return starting.then(
        () => this.stop(),
        () => undefined,
      );
    }
    if (server === undefined) return Promise.resolve();
    this.stopping ??= this.drain(server).finally(() => {
      this.stopping = undefined;
    });
    return this.stopping;
  }

  /**
   * Adds a route, before or after start(). Requests that arrive while the app is rebuilt wait for it.
   * @throws TypeError
   */
  addRoute(route: RouteDefinition): void {
    this.routes.add(route);
    this.openApiText = undefined;
    if (this.app !== undefined) void this.rebuild();
  }

  private async listen(): Promise<void> {
    const { host, port, limits } = this.config;
    requireKeyBeyondLoopback(host, this.context.keyRequired);
    this.shutdown = new AbortController();
    this.life = { isStopping: false };
    const { tracing } = this.context.services;
    this.tracing = tracing ?? passiveTracing;
    // Of a host application that has registered an SDK.
    if (tracing === undefined && hasHostProvider())
      this.tracing = (await findHostTracing()) ?? passiveTracing;
    const server = createServer({
      IncomingMessage: GatedRequest,
      ServerResponse: GatedResponse,
      maxHeaderSize: 16 * 1024,
      // The gate answers a missing Host with a problem.
      requireHostHeader: false,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(checkingIntervalMs, Math.ceil(limits.headersTimeoutMs / 4)),
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    });
    const connections = makeConnections(server, limits);
    this.connections = connections;
    const gate = this.makeGate();
    const hasOpenAi = this.context.services.openai !== undefined;
    const enter: Gate = (request, response, expectsContinue) => {
      request.speaksOpenAi = hasOpenAi && isOpenAiPath(request.url);
      const isExcess = connections.isExcess(request.socket);
      if (isExcess) response.shouldKeepAlive = false;
      // Monitoring must see that a full server is alive.
      if (isExcess && !isHealthCheck(request)) {
        const id = makeId('req');
        request.requestId = id;
        response.requestId = id;
        this.record.started(request, response, performance.now());
        refuse(request, response, tooManyConnections());
        return;
      }
      gate(request, response, expectsContinue);
    };
    server.on('request', (request, response) => enter(request, response));
    server.on('checkContinue', (request, response) => enter(request, response, true));
    server.on('checkExpectation', (request, response) => {
      request.speaksOpenAi = hasOpenAi && isOpenAiPath(request.url);
      const id = makeId('req');
      request.requestId = id;
      response.requestId = id;
      this.record.started(request, response, performance.now());
      response.shouldKeepAlive = false;
      refuse(
        request,
        response,
        new CodeBuddyError('invalid_header', 'The Expect header must be 100-continue.'),
      );
    });
    server.on('connect', (_request, socket) => {
      endWithProblem(socket, new CodeBuddyError('bad_request', 'This server is not a proxy.'), {
        requestId: makeId('req'),
        speaksOpenAi: false,
      });
    });
    server.on('clientError', makeClientErrorHandler(this.config.logger, this.context.metrics));
    await listenOn(server, host, port);
    server.on('error', (error) => this.record.internalError(error, 'server'));
    this.server = server;
    // The document names the port, which may have changed.
    this.openApiText = undefined;
    this.startedAt = performance.now();
    this.building = setTimeout(() => void this.rebuild(), buildDelayMs).unref();
  }

  private makeGate(): Gate {
    const { host, allowedHosts, cors, apiKeys } = this.config;
    return makeGate({
      context: this.context,
      host,
      allowedHosts,
      cors,
      apiKeys,
      record: this.record,
      openPaths: () => this.routes.openPaths(),
      signedPaths: () => this.routes.signedPaths(),
      life: this.life,
      connections: () => this.connections,
      pass: (request, response) => this.pass(request, response),
    });
  }

  private pass(request: GatedRequest, response: GatedResponse): void {
    if (this.app !== undefined && this.rebuilding === undefined) {
      this.app.handle(request, response);
      return;
    }
    void this.rebuild().then(() => {
      if (this.app === undefined)
        refuse(request, response, toProblem(new Error('The app could not be built.')));
      else this.pass(request, response);
    });
  }

  /** Resolves when the app has the newest routes. */
  private rebuild(): Promise<void> {
    clearTimeout(this.building);
    // One build at a time, so the newest routes win. Routes added in a row share one build.
    if (this.rebuilding !== undefined) return this.rebuilding;
    const build = async (): Promise<void> => {
      let built = -1;
      while (built !== this.routes.all().length) {
        built = this.routes.all().length;
        this.app = await this.buildApp();
      }
    };
    this.rebuilding = build()
      // The route table has checked the route, so this is an internal error. The previous app keeps answering.
      .catch((error: unknown) => this.record.internalError(error, 'routes'))
      .finally(() => {
        this.rebuilding = undefined;
      });
    return this.rebuilding;
  }

  private buildApp(): Promise<FastifyApp> {
    return buildFastifyApp(this.context, [...this.routes.all()], (error, id) =>
      this.record.internalError(error, id),
    );
  }

  private openApi(): Promise<string> {
    this.openApiText ??= import('./docs/openapi.ts').then(({ buildOpenApi }) =>
      buildOpenApi(this.context, this.routes.all()),
    );
    const text = this.openApiText;
    // Do not cache a failure: the next request tries again.
    text.catch(() => {
      if (this.openApiText === text) this.openApiText = undefined;
    });
    return text;
  }

  private async drain(server: Server<typeof GatedRequest, typeof GatedResponse>): Promise<void> {
    this.life.isStopping = true;
    // Also closes idle connections.
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    this.shutdown.abort(new CodeBuddyError('shutting_down', 'The server is stopping.'));
    // Node treats a connection that has never sent a byte as busy.
    for (const socket of this.connections?.all() ?? []) if (socket.bytesRead === 0) socket.destroy();
    const timer = setTimeout(() => server.closeAllConnections(), this.config.limits.shutdownTimeoutMs);
    // Connections become idle as their answers end.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    await closed;
    // The last answers get their `close` events only now, within a few turns of the event loop.
    for (let turn = 0; turn < 100 && this.context.metrics.requestsInFlight > 0; turn++) await setImmediate();
    clearTimeout(timer);
    clearInterval(idle);
    clearTimeout(this.building);
    await this.rebuilding;
    this.server = undefined;
    this.app = undefined;
  }
}

function isHealthCheck({ method, url }: GatedRequest): boolean {
  return (
    (method === 'GET' || method === 'HEAD') && (url === '/health' || url?.startsWith('/health?') === true)
  );
}

function tooManyConnections(): CodeBuddyError {
  return new CodeBuddyError(
    'too_many_connections',
    'The server, or this address, has reached its limit of open connections. Try again soon.',
    { headers: { 'Retry-After': '1' } },
  );
}

function listenOn(
  server: Server<typeof GatedRequest, typeof GatedResponse>,
  host: string,
  port: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, host, port));
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/** `url` is one that clients on this machine can use: a wildcard address cannot be connected to. */
function addressOf({ address, port, family }: AddressInfo, host: string): ServerAddress {
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  const name = family === 'IPv6' || reachable.includes(':') ? `[${reachable}]` : reachable;
  return { host: host === 'localhost' ? host : address, port, url: `http://${name}:${port}` };
}

function makeTokens(prefix: string, { keys, sharedTokens: shared }: HttpServices): OneTimeTokens {
  const current = (identity: Identity): Identity | undefined => currentIdentity(identity, keys);
  return shared === undefined
    ? makeOneTimeTokens({ prefix, current })
    : makeSharedOneTimeTokens({ prefix, current, shared });
}
