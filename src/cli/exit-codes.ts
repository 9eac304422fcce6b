// The exit codes that scripts rely on, and how errors are printed. With --json, an error is also a JSON document on
// standard output.

import type { Command } from 'commander';
import { createRedactor, secretVariables } from '../base/redaction.ts';
import { CodeBuddyApiError, CodeBuddyConnectionError, PermissionRequiredError } from '../client/index.ts';
import { SettingsError } from '../config/settings.ts';
import { fieldName } from './field-names.ts';
import { complain, isJsonWanted, jsonPrinted, printJsonLine } from './output.ts';
import { UsageError } from './usage-error.ts';

export { UsageError };

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unauthorized: 4,
  /** A tool needs permission and there is no terminal to ask at. The run waits. */
  permission: 5,
  interrupted: 130,
} as const;

/** A prompt ended without a complete answer. */
export class PromptFailure extends Error {
  override readonly name = 'PromptFailure';
  readonly code: string;
  /** Further lines for the user. */
  readonly hints: readonly string[];
  /** Further fields of the error's JSON document. */
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
  /** Printed below the message, one per line. */
  readonly lines?: readonly string[];
  readonly more?: Readonly<Record<string, unknown>>;
  /** Print nothing to standard error. */
  readonly isQuiet?: boolean;
}

/**
 * Prints the error and returns the exit code. `command`: the command that failed, whose flags replace field names in
 * the message.
 */
export function report(error: unknown, command?: Command): number {
  const { exitCode, code, message, lines = [], more = {}, isQuiet = false } = describe(error, command);
  const { redact } = createRedactor(secretVariables(process.env));
  // Further lines are indented, so that text from elsewhere cannot pass as a message of this program.
  const shown = (text: string): string => redact(text).replaceAll('\n', '\n  ');
  if (!isQuiet) {
    complain(`codebuddy: ${shown(message)}`);
    for (const line of lines) complain(`  ${shown(line)}`);
  }
  // A document that was printed must stay the only one; a stream that Ctrl-C ended needs no last line.
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

function describe(error: unknown, command: Command | undefined): Described {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return { exitCode: exitCodes.usage, code: 'usage', message };
  if (error instanceof SettingsError) return { exitCode: exitCodes.usage, code: 'settings', message };
  if (error instanceof CodeBuddyConnectionError)
    return { exitCode: exitCodes.unreachable, code: 'server_unreachable', message };
  if (error instanceof CodeBuddyApiError) return describeApiError(error, command);
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
      code === 'permission_required' || code === 'answer_required'
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

function describeApiError(error: CodeBuddyApiError, command: Command | undefined): Described {
  const { status, code, errors, requestId } = error;
  const faults = errors.map(({ pointer, message }) => `${fieldName(pointer, command)} ${message}`);
  // With one fault, the fault is the message. With several, the message has no field names of its own.
  const [fault] = faults;
  const message =
    fault === undefined
      ? error.message
      : faults.length === 1
        ? `${fault.replace(/\.$/, '')}.`
        : 'Invalid arguments.';
  return {
    exitCode: exitCodeOf(error),
    code,
    message: withCode(message, code),
    lines: faults.length > 1 ? faults : [],
    more: {
      message,
      status,
      ...(requestId === undefined ? {} : { requestId }),
      ...(errors.length === 0 ? {} : { errors }),
    },
  };
}

/** `Session "x" not found (session_not_found).` */
function withCode(message: string, code: string): string {
  return message.endsWith('.') ? `${message.slice(0, -1)} (${code}).` : `${message} (${code})`;
}

/** 4 concerns the API key only. A tool or a path that was refused is an ordinary failure. */
function exitCodeOf({ status, code }: CodeBuddyApiError): number {
  if (status === 401 || code === 'insufficient_scope' || code === 'rate_limited')
    return exitCodes.unauthorized;
  return status === 422 && code === 'validation_failed' ? exitCodes.usage : exitCodes.failed;
}
