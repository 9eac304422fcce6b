// What a server can be told, with every default in one place; checked before anything starts.

import { version } from '../base/version.ts';
import type { HttpLimits } from './context.ts';
import type { Logger, LogLevel } from './logger.ts';
import { guardLogger, makeLogger } from './logger.ts';
import type { CorsSetting } from './pipeline/cors.ts';
import { isLoopbackName } from './pipeline/host-check.ts';
import { ServerStartError } from './server-start-error.ts';

/** The settings of a `RestApiServer`. */
export interface ApiServerConfig {
  /** TCP port; 0 picks a free one. @default 3847 */
  readonly port?: number | undefined;
  /** Address to listen on. One that is not loopback needs a key. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * Keys that may do everything; empty ones count as none. Without any (and without a key service) the API is open to whoever reaches it.
   */
  readonly apiKey?: string | readonly (string | undefined)[] | undefined;
  /** `false`: web pages of other origins may change nothing; `true`: any origin; a list: these origins. @default false */
  readonly enableCors?: CorsSetting | undefined;
  /** Names that `Host` may hold beside loopback names and `host`: `example.org`, `example.org:8443`, `*.example.org`. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Bytes of a request body. @default 1048576 */
  readonly maxRequestSize?: number | undefined;
  /** A pino-like logger, or `false` for none. @default one that writes `logLevel` JSON lines to standard output */
  readonly logger?: Logger | false | undefined;
  /** @default 'silent' */
  readonly logLevel?: LogLevel | undefined;
  /** Shown in `GET /api` and /openapi.json. @default 'codebuddy-api' */
  readonly name?: string | undefined;
  /** @default this package's version */
  readonly version?: string | undefined;
  /** Open connections. Beyond, the oldest idle one without a valid key gives way; if there is none, the new one is answered 503. @default 1024 */
  readonly maxConnections?: number | undefined;
  /** Open connections of one address; loopback, which all local clients share, is not counted. @default 3/4 of `maxConnections` */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Connections on which requests of one key are answered at the same time; those beyond are answered 503. @default 3/4 of `maxConnections` */
  readonly maxConnectionsPerKey?: number | undefined;
  /** Readers of server-sent events. @default 256 */
  readonly maxStreams?: number | undefined;
  /** Readers of server-sent events with one key. @default 3/4 of `maxStreams` */
  readonly maxStreamsPerKey?: number | undefined;
  /** Bytes that may wait for a slow stream reader before it is cut off. @default 1048576 */
  readonly streamBufferBytes?: number | undefined;
  /** @default 15000 */
  readonly streamHeartbeatMs?: number | undefined;
  /** Time for the headers of a request. @default 10000 */
  readonly headersTimeoutMs?: number | undefined;
  /** Time for a whole request, its body too. @default 30000 */
  readonly requestTimeoutMs?: number | undefined;
  /** Time an idle connection is kept. @default 30000 */
  readonly keepAliveTimeoutMs?: number | undefined;
  /** Time that requests have to finish at `stop()`. @default 10000 */
  readonly shutdownTimeoutMs?: number | undefined;
  /** Wrong keys per minute and address before 429. @default 20 */
  readonly failedTriesPerMinute?: number | undefined;
}

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

/** Fills in the defaults. @throws TypeError naming the setting that makes no sense */
export function resolveConfig(config: ApiServerConfig): ResolvedConfig {
  const port = config.port ?? 3847;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new TypeError(`port must be an integer from 0 to 65535, not ${String(config.port)}`);
  }
  const host = config.host ?? '127.0.0.1';
  if (typeof host !== 'string' || host === '') throw new TypeError('host must be an address or a name');
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
      // Node wants it no longer than the whole.
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

/** What one address or one key may take: the rest is left for others. */
function shareOf(all: number): number {
  return Math.ceil((all * 3) / 4);
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`${name} must be a positive integer, not ${String(value)}`);
}

/** @throws ServerStartError `key_required` for an address that others can reach, with no key to keep them out */
export function requireKeyBeyondLoopback(host: string, keyRequired: boolean): void {
  if (keyRequired || isLoopbackName(host)) return;
  throw new ServerStartError(
    'key_required',
    `Refusing to listen on ${host} without an API key: anyone who reaches it could run commands. ` +
      'Set apiKey (CODEBUDDY_API_KEY), or listen on 127.0.0.1',
  );
}

/** An empty text is what an environment variable that is not set often becomes. @throws TypeError */
function keysOf(apiKey: unknown): readonly string[] {
  const given: readonly unknown[] = Array.isArray(apiKey) ? apiKey : [apiKey];
  const keys: string[] = [];
  for (const key of given) {
    if (key === undefined || key === null || key === '') continue;
    if (typeof key !== 'string') throw new TypeError('apiKey must be a string, or a list of strings');
    keys.push(key);
  }
  return keys;
}
