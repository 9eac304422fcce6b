// The settings of a server: their documentation, defaults and validation. Checked before anything starts.

import { version } from '../base/version.ts';
import type { HttpLimits } from './context.ts';
import type { Logger, LogLevel } from './logger.ts';
import { guardLogger, makeLogger } from './logger.ts';
import type { CorsSetting } from './pipeline/cors.ts';
import { isLoopbackName } from './pipeline/host-check.ts';
import { ServerStartError } from './server-start-error.ts';

/** The settings of a `RestApiServer`. */
export interface ApiServerConfig {
  /** TCP port. 0 selects a free one. @default 3847 */
  readonly port?: number | undefined;
  /** Address to listen on. Any address but loopback requires an API key. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * API keys with every scope. Empty strings are ignored. Without a key (and without a key service) anyone who can
   * reach the server may use it. @default none
   */
  readonly apiKey?: string | readonly (string | undefined)[] | undefined;
  /**
   * CORS. `false`: web pages of other origins may not change anything; `true`: any origin; a list: these origins.
   * @default false
   */
  readonly enableCors?: CorsSetting | undefined;
  /**
   * Values of `Host` to accept besides loopback names and `host`: `example.org`, `example.org:8443`, `*.example.org`.
   * @default none
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Maximum size of a request body in bytes. @default 1048576 */
  readonly maxRequestSize?: number | undefined;
  /** A pino-compatible logger, or `false` for none. @default writes JSON lines of `logLevel` to standard output */
  readonly logger?: Logger | false | undefined;
  /** Level of the default logger. @default 'silent' */
  readonly logLevel?: LogLevel | undefined;
  /** Name of the API in `GET /api` and /openapi.json. @default 'codebuddy-api' */
  readonly name?: string | undefined;
  /** Version of the API in `GET /api` and /openapi.json. @default the version of this package */
  readonly version?: string | undefined;
  /**
   * Maximum number of open connections. A new one replaces the oldest idle connection without a valid key; if there is
   * none, it gets a 503. @default 1024
   */
  readonly maxConnections?: number | undefined;
  /** Maximum number of open connections per address. Loopback is not limited. @default 3/4 of `maxConnections` */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * Maximum number of connections busy with requests of one API key. Any more get a 503.
   * @default 3/4 of `maxConnections`
   */
  readonly maxConnectionsPerKey?: number | undefined;
  /** Maximum number of readers of server-sent events. @default 256 */
  readonly maxStreams?: number | undefined;
  /** Maximum number of readers of server-sent events per API key. @default 3/4 of `maxStreams` */
  readonly maxStreamsPerKey?: number | undefined;
  /** Bytes buffered for a slow stream reader before it is disconnected. @default 1048576 */
  readonly streamBufferBytes?: number | undefined;
  /** Time between two heartbeat comments of a quiet stream, in ms. @default 15000 */
  readonly streamHeartbeatMs?: number | undefined;
  /** Time to receive the headers of a request, in ms. @default 10000 */
  readonly headersTimeoutMs?: number | undefined;
  /** Time to receive a whole request including its body, in ms. @default 30000 */
  readonly requestTimeoutMs?: number | undefined;
  /** Time to keep an idle connection open, in ms. @default 30000 */
  readonly keepAliveTimeoutMs?: number | undefined;
  /** Time that requests get to finish at `stop()`, in ms. @default 10000 */
  readonly shutdownTimeoutMs?: number | undefined;
  /** Wrong API keys per minute and address before a 429. @default 20 */
  readonly failedTriesPerMinute?: number | undefined;
}

/** The settings with their defaults filled in. */
export interface ResolvedConfig {
  readonly port: number;
  readonly host: string;
  readonly apiKeys: readonly string[];
  readonly cors: CorsSetting;
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
  readonly name: string;
  readonly version: string;
  readonly limits: HttpLimits;
}

/** Fills in the defaults. @throws TypeError naming the invalid setting */
export function resolveConfig(config: ApiServerConfig): ResolvedConfig {
  const port = config.port ?? 3847;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new TypeError(`port must be a whole number from 0 to 65535, not ${String(config.port)}`);
  }
  const host = config.host ?? '127.0.0.1';
  if (typeof host !== 'string' || host === '')
    throw new TypeError('host must be an IP address or a host name');
  const apiKeys = keysOf(config.apiKey);
  const maxConnections = positive('maxConnections', config.maxConnections ?? 1024);
  const maxStreams = positive('maxStreams', config.maxStreams ?? 256);
  const requestTimeoutMs = positive('requestTimeoutMs', config.requestTimeoutMs ?? 30_000);
  return {
    port,
    host,
    apiKeys,
    cors: config.enableCors ?? false,
    allowedHosts: config.allowedHosts ?? [],
    logger: config.logger
      ? guardLogger(config.logger)
      : makeLogger(config.logger === false ? 'silent' : (config.logLevel ?? 'silent')),
    name: config.name ?? 'codebuddy-api',
    version: config.version ?? version,
    limits: {
      maxRequestSize: positive('maxRequestSize', config.maxRequestSize ?? 1024 * 1024),
      maxConnections,
      maxConnectionsPerAddress: positive(
        'maxConnectionsPerAddress',
        config.maxConnectionsPerAddress ?? shareOf(maxConnections),
      ),
      maxConnectionsPerKey: positive(
        'maxConnectionsPerKey',
        config.maxConnectionsPerKey ?? shareOf(maxConnections),
      ),
      maxStreams,
      maxStreamsPerKey: positive('maxStreamsPerKey', config.maxStreamsPerKey ?? shareOf(maxStreams)),
      streamBufferBytes: positive('streamBufferBytes', config.streamBufferBytes ?? 1024 * 1024),
      streamHeartbeatMs: positive('streamHeartbeatMs', config.streamHeartbeatMs ?? 15_000),
      // Node requires that it does not exceed requestTimeout.
      headersTimeoutMs: Math.min(
        positive('headersTimeoutMs', config.headersTimeoutMs ?? 10_000),
        requestTimeoutMs,
      ),
      requestTimeoutMs,
      keepAliveTimeoutMs: positive('keepAliveTimeoutMs', config.keepAliveTimeoutMs ?? 30_000),
      shutdownTimeoutMs: positive('shutdownTimeoutMs', config.shutdownTimeoutMs ?? 10_000),
      failedTriesPerMinute: positive('failedTriesPerMinute', config.failedTriesPerMinute ?? 20),
    },
  };
}

/** The share that one address or key may use. The rest stays free for others. */
function shareOf(all: number): number {
  return Math.ceil((all * 3) / 4);
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`${name} must be a whole number greater than 0, not ${String(value)}`);
}

/** Requires an API key for any address but loopback. @throws ServerStartError `key_required` */
export function requireKeyBeyondLoopback(host: string, keyRequired: boolean): void {
  if (keyRequired || isLoopbackName(host)) return;
  throw new ServerStartError(
    'key_required',
    `Cannot listen on ${host} without an API key: anyone who can reach it could run commands. ` +
      'Set apiKey (CODEBUDDY_API_KEY), or listen on 127.0.0.1.',
  );
}

/** Ignores empty strings: an unset environment variable often becomes one. @throws TypeError */
function keysOf(apiKey: unknown): readonly string[] {
  const given: readonly unknown[] = Array.isArray(apiKey) ? apiKey : [apiKey];
  const keys: string[] = [];
  for (const key of given) {
    if (key === undefined || key === null || key === '') continue;
    if (typeof key !== 'string') throw new TypeError('apiKey must be a string or a list of strings');
    keys.push(key);
  }
  return keys;
}
