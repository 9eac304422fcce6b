// Work in the session of a name, or in a new session that gets the name. Several nodes may create it at once, and another
// client may delete it meanwhile: the store decides, and the loser looks again.

import { CodeBuddyError } from './errors.ts';

const maxTries = 5;

/**
 * `start` works in the session with the id, or creates one that claims the name: it throws `session_exists` if another
 * session has it by then, and `session_not_found` if the session was deleted meanwhile.
 */
export async function inNamedSession<T>(
  find: () => Promise<string | undefined>,
  start: (sessionId: string | undefined) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const sessionId = await find();
    try {
      return await start(sessionId);
    } catch (error) {
      const expected = sessionId === undefined ? 'session_exists' : 'session_not_found';
      const hasChanged = error instanceof CodeBuddyError && error.code === expected;
      if (!hasChanged || tries === maxTries) throw error;
    }
  }
}
