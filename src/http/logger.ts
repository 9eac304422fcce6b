// The logger the REST server writes to: the part of pino's interface that we use, so a host may pass any pino-like logger.

import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import { callHost } from '../base/call-host.ts';
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
  /** Writes the line of a request, where that can be done more cheaply than by `info`. */
  readonly request?: (level: 'debug' | 'info', line: RequestLine) => void;
}

/** What is logged of every request; nothing of it is a secret, so nothing needs redaction. */
export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly route: string | null;
  readonly status: number;
  readonly durationMs: number;
  readonly keyId: string | null;
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

/** The host's own logger. What it throws is dropped: a line that cannot be written must not fail a request, or a stop. */
export function guardLogger(logger: Logger): Logger {
  const { request } = logger;
  const guarded =
    (level: 'debug' | 'info' | 'warn' | 'error'): LogMethod =>
    (...line: [fields: object | string, message?: string]) =>
      callHost(() => Reflect.apply(logger[level], logger, line));
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
    isLevelEnabled(level) {
      try {
        return logger.isLevelEnabled?.(level) ?? true;
      } catch {
        // Whether the line can be written shows when it is.
        return true;
      }
    },
    ...(request === undefined
      ? {}
      : { request: (level, line) => callHost(() => request.call(logger, level, line)) }),
  };
}

/** Values under these names are secrets, at the top of a line or one or two levels below. */
const secretPaths = ['authorization', 'x-api-key', 'cookie', 'apiKey'].flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
  `*.*["${name}"]`,
]);

/**
 * A pino logger, secrets redacted. Loads pino only when called.
 * @param destination a stream (say, pino-pretty's), or the number of an open file, to which JSON lines are written every 250 ms or
 * 16 KiB, at once after an error, and at exit. Default: 1, standard output
 * @param redact takes secrets out of a line; those of requests hold none. Default: lines stay as they are
 */
export function makeLogger(
  level: LogLevel,
  destination: DestinationStream | number = 1,
  redact: (line: string) => string = (line) => line,
): Logger {
  if (level === 'silent') return silentLogger;
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
  const options = { level, redact: { paths: secretPaths, censor: '[redacted]' }, base: null };
  if (typeof destination !== 'number')
    return pino(options, { write: (line) => destination.write(redact(line)) });
  const lines = new LineBuffer(pino.destination({ dest: destination, sync: false }));
  const logger = pino(options, { write: (line) => lines.write(redact(line)) });
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: (fields: object | string, message?: string): void => {
      if (typeof fields === 'string') logger.error(fields);
      else logger.error(fields, message);
      // A crash may follow: the line that explains it must not wait.
      lines.flushNow();
    },
    isLevelEnabled: (name) => logger.isLevelEnabled(name),
    request: (lineLevel, line) => lines.write(requestLineText(lineLevel, line)),
  };
}

/** Needs no escapes in JSON. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** The line that pino would write; put together by hand since every request pays for it (bench/http.ts). */
function requestLineText(level: 'debug' | 'info', line: RequestLine): string {
  const { requestId, method, path, route, status, durationMs, keyId } = line;
  return (
    `{"level":${level === 'info' ? 30 : 20},"time":${Date.now()},"requestId":${quoted(requestId)},"method":"${method}",` +
    `"path":${quoted(path)},"route":${route === null ? null : quoted(route)},"status":${status},` +
    `"durationMs":${durationMs},"keyId":${keyId === null ? null : quoted(keyId)},"msg":"request"}\n`
  );
}
