// Errors of file tools. They show a path as the caller gave it, shortened and quoted.

import { CodeBuddyError } from '../../../base/errors.ts';
import { shorten } from '../../../base/text.ts';

export function quotePath(path: string): string {
  return JSON.stringify(shorten(path, 201));
}

/** `why` follows the path: "is a folder". */
export function failed(path: string, why: string): CodeBuddyError {
  return new CodeBuddyError('tool_failed', `${quotePath(path)} ${why}.`);
}

export function outside(path: string, why: string): CodeBuddyError {
  return new CodeBuddyError('outside_workspace', `The path ${quotePath(path)} ${why}.`);
}

export function denied(path: string, how: 'read' | 'written'): CodeBuddyError {
  return new CodeBuddyError(
    'permission_denied',
    `${quotePath(path)} cannot be ${how}: a deny rule forbids it.`,
  );
}
