// The error of a session that cannot be created.

import { CodeBuddyError } from '../base/errors.ts';

export function sessionExists(id: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('session_exists', `A session with the id ${JSON.stringify(id)} exists already.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Another session has the name. Callers look for that session then. */
export function namedSessionExists(name: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('session_exists', `A session has the name ${JSON.stringify(name)} already.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
