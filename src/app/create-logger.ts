// The server's logger. It writes to standard error: JSON lines, or readable lines on a terminal. Secrets that the redactor knows are replaced.

import { createRequire } from 'node:module';
import { createRedactor, type Redactor, secretVariables } from '../base/redaction.ts';
import { visibleJson } from '../base/visible-text.ts';
import type { Settings } from '../config/settings.ts';
import { type Logger, makeLogger } from '../http/logger.ts';

export function createLogger(
  level: Settings['logLevel'],
  isTerminal: boolean,
  { redact }: Redactor = createRedactor(secretVariables(process.env)),
): Logger {
  if (level === 'silent') return makeLogger(level);
  if (!isTerminal) return makeLogger(level, 2, redact);
  const { build } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  const pretty = build({ destination: 2, colorize: !process.env.NO_COLOR, ignore: 'pid,hostname' });
  return makeLogger(level, { write: (line: string) => pretty.write(escapedTwice(line)) }, redact);
}

/** pino-pretty decodes the escapes in a line's strings. Escaping them once more keeps control characters from reaching the terminal. */
function escapedTwice(line: string): string {
  return visibleJson(line).replace(/\\(?:\\|u[0-9a-f]{4}|[bfr])/g, (found) =>
    found === '\\\\' ? found : `\\${found}`,
  );
}
