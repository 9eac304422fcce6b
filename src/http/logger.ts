// The logger of the REST server. `Logger` is the part of pino's interface that the server uses, so a host application
// may pass pino or any compatible logger.

import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import { callHost } from '../base/call-host.ts';
import { scopedContext } from '../base/trace-scope.ts';
import { type ByteDestination, LineBuffer } from './line-buffer.ts';

/** Writes one structured line. */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** A pino-compatible logger. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** As in pino: true if lines of this level are written. @default every level is written */
  readonly isLevelEnabled?: (level: string) => boolean;
  /** Writes the line of a request if the logger can do that faster than with `info`. */
  readonly request?: (level: 'debug' | 'info', line: RequestLine) => void;
}

/** The log line of a request. It holds no secrets and needs no redaction. */
export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  /** The pattern that matched, such as `/api/sessions/:id`; null if none did. */
  readonly route: string | null;
  /** 499 if the client disconnected before the answer. */
  readonly status: number;
  readonly durationMs: number;
  /** Null without a key. */
  readonly keyId: string | null;
  /** Absent outside of a trace. */
  readonly traceId?: string;
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

/**
 * Wraps the host application's logger. Errors that it throws are dropped: a failing log must not fail a request or
 * `stop()`.
 */
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
        // Writing the line will show if it fails.
        return true;
      }
    },
    ...(request === undefined
      ? {}
      : { request: (level, line) => callHost(() => request.call(logger, level, line)) }),
  };
}

/** Fields that hold secrets: at the top level of a line or up to two levels below. */
const secretPaths = ['authorization', 'x-api-key', 'cookie', 'apiKey'].flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
  `*.*["${name}"]`,
]);

/**
 * Creates a pino logger that redacts secrets. Loads pino only when called.
 *
 * @param destination a stream, or a file descriptor, to which JSON lines are written every 250 ms or 64 KiB,
 * immediately after an error, and at exit. @default 1 (standard output)
 * @param redact removes secrets from a line. Not applied to request lines, which hold none. @default lines are
 * unchanged
 */
export function makeLogger(
  level: LogLevel,
  destination: DestinationStream | number = 1,
  redact: (line: string) => string = (line) => line,
): Logger {
  if (level === 'silent') return silentLogger;
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
  const options = {
    level,
    redact: { paths: secretPaths, censor: '[redacted]' },
    base: null,
    mixin: traceFields,
  };
  if (typeof destination !== 'number')
    return pino(options, { write: (line) => destination.write(redact(line)) });
  const bytes: unknown = pino.destination({ dest: destination, sync: false, contentMode: 'buffer' });
  // Its types know only text; in this mode it takes bytes.
  const lines = new LineBuffer(bytes as ByteDestination);
  const logger = pino(options, { write: (line) => lines.write(redact(line)) });
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: (fields: object | string, message?: string): void => {
      if (typeof fields === 'string') logger.error(fields);
      else logger.error(fields, message);
      // A crash may follow, so write the line that explains it at once.
      lines.flushNow();
    },
    isLevelEnabled: (name) => logger.isLevelEnabled(name),
    request: (lineLevel, line) => lines.write(requestLineText(lineLevel, line)),
  };
}

/** The trace that a line belongs to. */
function traceFields(): object {
  const context = scopedContext();
  return context === undefined ? {} : { traceId: context.traceId };
}

/** Characters that need no escapes in JSON. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * Formats the line as pino would. Concatenated without JSON.stringify, because this is done for every request (measured
 * in bench/http.ts).
 */
function requestLineText(level: 'debug' | 'info', line: RequestLine): string {
  const { requestId, method, path, route, status, durationMs, keyId, traceId } = line;
  return (
    `{"level":${level === 'info' ? 30 : 20},"time":${Date.now()},"requestId":${quoted(requestId)},"method":"${method}",` +
    `"path":${quoted(path)},"route":${route === null ? null : quoted(route)},"status":${status},` +
    `"durationMs":${durationMs},"keyId":${keyId === null ? null : quoted(keyId)},` +
    `${traceId === undefined ? '' : `"traceId":"${traceId}",`}"msg":"request"}\n`
  );
}
