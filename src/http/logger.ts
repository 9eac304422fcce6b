// The logger the REST server writes to: the part of pino's interface that we use, so a host may pass any pino-like logger.

import { createRequire } from 'node:module';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { LineBuffer } from './line-buffer.ts';

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
  /** The same without redaction, which costs more than the line: for lines whose fields are all known to be harmless. */
  readonly plain?: Logger;
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

/** Values under these names are secrets, at the top of a line or one or two levels below. */
const secretPaths = ['authorization', 'x-api-key', 'cookie', 'apiKey'].flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
  `*.*["${name}"]`,
]);

/** pino's numbers, for lines written without it. */
const levelNumbers = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/**
 * A pino logger, secrets redacted. Loads pino only when called.
 * @param destination a stream (say, pino-pretty's), or the number of an open file, to which JSON lines are written every 250 ms or
 * 8 KiB, at once after an error, and at exit. Default: 1, standard output
 */
export function makeLogger(level: LogLevel, destination: DestinationStream | number = 1): Logger {
  if (level === 'silent') return silentLogger;
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
  const options = { level, redact: { paths: secretPaths, censor: '[redacted]' }, base: null };
  if (typeof destination !== 'number') {
    const logger: PinoLogger = pino(options, destination);
    const plain: PinoLogger = logger.child({}, { redact: [] });
    return withPlain(logger, plain);
  }
  const lines = new LineBuffer(pino.destination({ dest: destination, sync: false }));
  const logger = pino(options, lines);
  return {
    ...withPlain(
      logger,
      plainLogger(lines, (name) => logger.isLevelEnabled(name)),
    ),
    error: (fields: object | string, message?: string): void => {
      if (typeof fields === 'string') logger.error(fields);
      else logger.error(fields, message);
      // A crash may follow: the line that explains it must not wait.
      lines.flushNow();
    },
  };
}

function withPlain(logger: PinoLogger, plain: Logger): Logger {
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: logger.error.bind(logger),
    isLevelEnabled: (name) => logger.isLevelEnabled(name),
    plain,
  };
}

/** Writes the lines that pino would, without its machinery: one JSON.stringify a line. */
function plainLogger(lines: LineBuffer, isLevelEnabled: (level: string) => boolean): Logger {
  const at =
    (level: keyof typeof levelNumbers): LogMethod =>
    (fields: object | string, message?: string): void => {
      if (!isLevelEnabled(level)) return;
      const own = typeof fields === 'string' ? { msg: fields } : { ...fields, msg: message };
      lines.write(`${JSON.stringify({ level: levelNumbers[level], time: Date.now(), ...own })}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), isLevelEnabled };
}
