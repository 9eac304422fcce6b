// The logger the REST server writes to: the part of pino's interface that we use, so a host may pass any pino-like logger.

import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';

/** Writes one structured line. */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** pino's: whether lines of this level are written at all. Without it, every level is. */
  readonly isLevelEnabled?: (level: string) => boolean;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const nothing: LogMethod = () => {};

/** Writes nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isLevelEnabled: () => false,
};

/** Values under these names are secrets wherever they stand in a line. */
const secretPaths = ['authorization', 'x-api-key', 'cookie', 'apiKey'].flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
  `*.*["${name}"]`,
]);

/** A pino logger that writes JSON lines to `stream` (standard output by default), secrets redacted. Loads pino only when called. */
export function makeLogger(level: LogLevel, stream?: DestinationStream): Logger {
  if (level === 'silent') return silentLogger;
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
  const options = { level, redact: { paths: secretPaths, censor: '[redacted]' }, base: null };
  return stream === undefined ? pino(options) : pino(options, stream);
}
