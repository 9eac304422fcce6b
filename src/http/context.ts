// What every file of routes receives: `xRoutes(context: HttpContext): readonly RouteDefinition[]`. One object a server, made
// by server.ts, alive from construction to the end of the process; only `shutdown` is new at each start.

import type { HttpHandlers } from './handlers.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { RouteDefinition } from './route.ts';
import type { HttpServices } from './services.ts';
import type { StreamPlaces } from './streaming/stream-places.ts';
import type { StreamTickets } from './streaming/stream-tickets.ts';

/** Limits, all in force; see `ApiServerConfig` for what each means and its default. */
export interface HttpLimits {
  readonly maxRequestSize: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerKey: number;
  readonly maxStreams: number;
  readonly maxStreamsPerKey: number;
  /** Bytes that wait for a slow stream reader before it is cut off. */
  readonly streamBufferBytes: number;
  readonly streamHeartbeatMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly failedTriesPerMinute: number;
}

export interface HttpContext {
  /** Of the server, for `GET /api` and `/openapi.json`. */
  readonly name: string;
  readonly version: string;
  readonly limits: HttpLimits;
  readonly services: HttpServices;
  /** Live: read the handler at each request, the host may set it at any time. */
  readonly handlers: Readonly<HttpHandlers>;
  readonly metrics: Metrics;
  readonly streams: StreamPlaces;
  readonly tickets: StreamTickets;
  readonly logger: Logger;
  /** Aborts when the server begins to stop: end streams. New at each start, so read it at each request. */
  readonly shutdown: AbortSignal;
  /** Of the last start, as `performance.now()` says: a clock that is set changes nothing. 0 before the first. */
  readonly startedAt: number;
  /** True if a key is needed (one is configured, or `services.keys` is there). */
  readonly keyRequired: boolean;
  /** The port that the server listens on; undefined while it does not. */
  port(): number | undefined;
  /** Every route there is now, those of `addRoute` too. */
  routes(): readonly RouteDefinition[];
  /** The OpenAPI 3.1 document of `routes()`, as JSON text; made on first use, kept until routes change. */
  openApi(): Promise<string>;
}
