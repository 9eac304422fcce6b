// The exit codes that scripts may count on, and which error means which.

import { ApiError, ServerUnreachableError } from '../client/index.ts';
import { SettingsError } from '../config/settings.ts';
import { createRedactor, secretVariables } from '../redaction.ts';
import { complain } from './output.ts';

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unauthorized: 4,
  interrupted: 130,
} as const;

/** A wrong call: the message says what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Says the error in one or a few lines and gives the exit code. */
export function report(error: unknown): number {
  if (error instanceof UsageError || error instanceof SettingsError) {
    complain(`codebuddy: ${shown(error.message)}`);
    return exitCodes.usage;
  }
  if (error instanceof ServerUnreachableError) {
    complain(`codebuddy: ${shown(error.message)}`);
    return exitCodes.unreachable;
  }
  if (error instanceof ApiError) {
    complain(`codebuddy: ${shown(error.message)} (${shown(error.code)})`);
    for (const { in: part, pointer, message } of error.errors)
      complain(shown(`  ${part} ${pointer || '/'} ${message}`));
    return error.status === 401 || error.status === 403 ? exitCodes.unauthorized : exitCodes.failed;
  }
  if (error instanceof Error && error.name === 'AbortError') return exitCodes.interrupted;
  complain(`codebuddy: ${shown(error instanceof Error ? error.message : String(error))}`);
  return exitCodes.failed;
}

/** Further lines are indented: none of them looks like a message of ours. */
function shown(text: string): string {
  // Errors quote what was given, and what others said.
  const { redact } = createRedactor(secretVariables(process.env));
  return redact(text).replaceAll('\n', '\n  ');
}
