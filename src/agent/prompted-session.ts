// The session that a prompt names: it may be created with an id that the caller chose, and comes back from the archive.

import { CodeBuddyError } from '../base/errors.ts';
import { chosenIdSchema } from '../contract/session.ts';
import type { NewEvent } from '../events/event-log.ts';
import type { SessionRow, Store, Write } from '../store/store.ts';
import { sessionNotFound } from './session-record.ts';

export interface NamedSession {
  readonly sessionId?: string;
  /** Whether a session that is missing is created. @default false */
  readonly createSession?: boolean;
}

// redos: the pattern is checked where it is written, in contract/session.ts
const chosenId = new RegExp(chosenIdSchema.pattern, 'u');

/**
 * The session that exists; undefined if one is to be created.
 * @throws CodeBuddyError `session_not_found`; `validation_failed` if it cannot be created with this id
 */
export async function findPrompted(
  store: Pick<Store, 'getSession'>,
  { sessionId, createSession = false }: NamedSession,
): Promise<SessionRow | undefined> {
  if (sessionId === undefined) {
    if (createSession) throw invalidId('is required with createSession');
    return undefined;
  }
  const session = await store.getSession(sessionId);
  if (session !== undefined) return session;
  if (!createSession) throw sessionNotFound(sessionId);
  if (sessionId.length > chosenIdSchema.maxLength || !chosenId.test(sessionId)) {
    throw invalidId(
      'must begin with a letter or digit, consist of letters, digits, ".", "_" and "-", and not begin with "ses_", to create a session',
    );
  }
  return undefined;
}

/** Runs `start`, and once more if another prompt has created the session meanwhile. */
export async function createdOnce<T>({ createSession }: NamedSession, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (createSession === true && error instanceof CodeBuddyError && error.code === 'session_exists')
      return start();
    throw error;
  }
}

/** What takes a session from the archive, together with a prompt; nothing if it is not there. */
export function unarchiving(
  { id, title, isArchived }: SessionRow,
  hop: number,
): { readonly events: readonly NewEvent[]; readonly writes: readonly Write[] } {
  if (isArchived !== true) return { events: [], writes: [] };
  return {
    events: [{ type: 'session.unarchive', data: { title, reason: 'prompt' }, sessionId: id, hop }],
    writes: [{ kind: 'archiveSession', id, isArchived: false }],
  };
}

function invalidId(message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `sessionId ${message}.`, {
    errors: [{ in: 'body', pointer: '/sessionId', message }],
  });
}
