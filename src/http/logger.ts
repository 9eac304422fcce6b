// The logger the REST server writes to: the part of pino's interface that we use, so a host may pass any pino-like logger.

import { createRequire } from 'node:module';

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

/** A pino logger that writes JSON lines to standard output, secrets redacted. Loads pino only when called. */
export function makeLogger(level: LogLevel): Logger {
  if (level === 'silent') return silentLogger;
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
  return pino({ level, redact: { paths: secretPaths, censor: '[redacted]' }, base: null });
}
