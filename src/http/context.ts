// The context that every file of routes gets: `xRoutes(context: HttpContext): readonly RouteDefinition[]`.
// http-server.ts creates one per server. It lives as long as the server object; only `shutdown` and `startedAt` change
// at each start.

import type { Tracing } from '../base/tracing.ts';
import type { HttpHandlers } from './handlers.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { OneTimeTokens } from './pipeline/one-time-tokens.ts';
import type { RouteDefinition } from './route.ts';
import type { HttpServices } from './services.ts';
import type { SignInCookies } from './sign-in/sign-in-cookie.ts';
import type { StreamPlaces } from './streaming/stream-places.ts';

/** The limits of a server. `ApiServerConfig` documents each with its unit and default. */
export interface HttpLimits {
  readonly maxRequestSize: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerKey: number;
  readonly maxStreams: number;
  readonly maxStreamsPerKey: number;
  /** Bytes buffered for a slow stream reader before it is disconnected. */
  readonly streamBufferBytes: number;
  readonly streamHeartbeatMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly failedTriesPerMinute: number;
}

/** The parts of the server that routes use. */
export interface HttpContext {
  /** Name of the API in `GET /api` and /openapi.json. */
  readonly name: string;
  readonly version: string;
  readonly limits: HttpLimits;
  readonly services: HttpServices;
  /** Read the handler at each request: the host application may replace it at any time. */
  readonly handlers: Readonly<HttpHandlers>;
  readonly metrics: Metrics;
  readonly streams: StreamPlaces;
  readonly tickets: OneTimeTokens;
  readonly signInCodes: OneTimeTokens;
  readonly signInCookies: SignInCookies;
  readonly logger: Logger;
  /** Replaced at each start. */
  readonly tracing: Tracing;
  /** Aborts when the server begins to stop. Replaced at each start: read it at each request. */
  readonly shutdown: AbortSignal;
  /** `performance.now()` of the last start, which changes of the system clock do not affect. 0 before the first. */
  readonly startedAt: number;
  /** True if callers need an API key: one is configured, or `services.keys` is set. */
  readonly keyRequired: boolean;
  /** The port that the server listens on; undefined while it is stopped. */
  port(): number | undefined;
  /** All current routes, including those of `addRoute`. */
  routes(): readonly RouteDefinition[];
  /** The OpenAPI 3.1 document of `routes()` as JSON text. Built on first use and cached until the routes change. */
  openApi(): Promise<string>;
}
