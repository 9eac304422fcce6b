// The exit codes that scripts may count on, and which error means which. With --json, an error is also one JSON document on standard output.

import { createRedactor, secretVariables } from '../base/redaction.ts';
import { ApiError, PermissionRequiredError, ServerUnreachableError } from '../client/index.ts';
import { SettingsError } from '../config/settings.ts';
import { complain, isJsonWanted, jsonPrinted, printJsonLine } from './output.ts';
import { UsageError } from './usage-error.ts';

export { UsageError };

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unauthorized: 4,
  /** A tool needs a permission and nobody is there to give it; the run waits. */
  permission: 5,
  interrupted: 130,
} as const;

/** What a prompt ended with, if not with an answer. */
export class PromptFailure extends Error {
  override readonly name = 'PromptFailure';
  readonly code: string;
  /** Further lines for a person. */
  readonly hints: readonly string[];
  /** Joins the error in its JSON document. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    {
      hints = [],
      more = {},
      cause,
    }: {
      readonly hints?: readonly string[];
      readonly more?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hints = hints;
    this.more = more;
  }
}

interface Described {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  /** On lines of their own. */
  readonly lines?: readonly string[];
  readonly more?: Readonly<Record<string, unknown>>;
  /** Nobody needs to be told on standard error. */
  readonly isQuiet?: boolean;
}

/** Says the error in one or a few lines and gives the exit code. */
export function report(error: unknown): number {
  const { exitCode, code, message, lines = [], more = {}, isQuiet = false } = describe(error);
  const { redact } = createRedactor(secretVariables(process.env));
  // Further lines are indented: none of them looks like a message of ours.
  const shown = (text: string): string => redact(text).replaceAll('\n', '\n  ');
  if (!isQuiet) {
    complain(`codebuddy: ${shown(message)}`);
    for (const line of lines) complain(`  ${shown(line)}`);
  }
  // One document stands alone, and a stream that was ended by hand has said all it had to say.
  if (isJsonWanted() && (jsonPrinted() === 'nothing' || (jsonPrinted() === 'lines' && !isQuiet)))
    printJsonLine({ error: mapTexts({ code, message, exitCode, ...more }, redact) });
  return exitCode;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, change)]));
}

function describe(error: unknown): Described {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return { exitCode: exitCodes.usage, code: 'usage', message };
  if (error instanceof SettingsError) return { exitCode: exitCodes.usage, code: 'settings', message };
  if (error instanceof ServerUnreachableError)
    return { exitCode: exitCodes.unreachable, code: 'server_unreachable', message };
  if (error instanceof ApiError) return describeApiError(error);
  if (error instanceof PermissionRequiredError) {
    const { runId, sessionId } = error.permission;
    return {
      exitCode: exitCodes.permission,
      code: 'permission_required',
      message,
      more: { runId, sessionId, permission: error.permission },
    };
  }
  if (error instanceof PromptFailure) {
    const { code, hints, more } = error;
    const exitCode =
      code === 'permission_required'
        ? exitCodes.permission
        : code === 'server_unreachable'
          ? exitCodes.unreachable
          : exitCodes.failed;
    return { exitCode, code, message, lines: hints, more };
  }
  if (error instanceof Error && error.name === 'AbortError')
    return { exitCode: exitCodes.interrupted, code: 'interrupted', message: 'interrupted', isQuiet: true };
  return { exitCode: exitCodes.failed, code: 'failed', message };
}

function describeApiError(error: ApiError): Described {
  const { status, code, errors, requestId } = error;
  return {
    exitCode: exitCodeOf(error),
    code,
    message: `${error.message} (${code})`,
    lines: errors.map(({ in: part, pointer, message }) => `${part} ${pointer || '/'} ${message}`),
    more: {
      message: error.message,
      status,
      ...(requestId === undefined ? {} : { requestId }),
      ...(errors.length === 0 ? {} : { errors }),
    },
  };
}

/** 4 is for the key alone: a tool or a path that was refused is a failure like others. */
function exitCodeOf({ status, code }: ApiError): number {
  if (status === 401 || code === 'insufficient_scope' || code === 'rate_limited')
    return exitCodes.unauthorized;
  return status === 422 && code === 'validation_failed' ? exitCodes.usage : exitCodes.failed;
}
