// The error of a session that cannot be created.

import { CodeBuddyError } from '../base/errors.ts';

export function sessionExists(id: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('session_exists', `A session with the id ${JSON.stringify(id)} exists already.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
