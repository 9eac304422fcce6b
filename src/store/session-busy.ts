// The error of a session that cannot be deleted.

import { CodeBuddyError } from '../base/errors.ts';

export function sessionBusy(id: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('session_busy', `Session ${id} has an unfinished run; cancel it first.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
