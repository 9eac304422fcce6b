// Errors of the store for the error codes of PostgreSQL (SQLSTATE) and of its connections. Source:
// https://www.postgresql.org/docs/current/errcodes-appendix.html

import { CodeBuddyError } from '../../base/errors.ts';
import { DamagedRowError } from '../row-json.ts';
import { StoreOpenError } from '../store-open-error.ts';

/** The SQLSTATE of an error that the server sent; undefined for other errors. */
export function sqlState(error: unknown): string | undefined {
  // The driver's DatabaseError has a severity. Errors of sockets have codes of five letters too, such as EPIPE.
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether it says already that the store failed. */
function isStorageError(error: unknown): boolean {
  return error instanceof CodeBuddyError && error.code.startsWith('storage_');
}

/** An error of this program, neither of the server nor of the connection. */
function isOwn(error: unknown): boolean {
  const kinds = [CodeBuddyError, DamagedRowError, TypeError, SyntaxError, RangeError];
  return kinds.some((kind) => error instanceof kind);
}

/** Whether the values of a statement are at fault, so that other callers of the commit are not affected. */
export function isCallersFault(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return isOwn(error) && !isStorageError(error);
  // Data exception, integrity constraint violation, program limit exceeded.
  return state.startsWith('22') || state.startsWith('23') || state.startsWith('54');
}

/** Whether a row refers to one that does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  return sqlState(error) === '23503';
}

/** The id of the session that could not be added, because there is one with this id. */
export function existingSession(error: unknown): string | undefined {
  return existingKey(error, { constraint: 'sessions_pkey', column: 'id' });
}

/** The name that a session could not get, because another one has it. */
export function existingSessionName(error: unknown): string | undefined {
  return existingKey(error, { constraint: 'session_names_pkey', column: 'name' });
}

function existingKey(
  error: unknown,
  key: { readonly constraint: string; readonly column: string },
): string | undefined {
  if (sqlState(error) !== '23505') return undefined;
  const { constraint, detail } = error as { readonly constraint?: unknown; readonly detail?: unknown };
  if (constraint !== key.constraint) return undefined;
  const text = String(detail);
  const start = `(${key.column})=(`;
  const at = text.indexOf(start);
  return at === -1 ? '' : text.slice(at + start.length, text.lastIndexOf(')'));
}

/** The transaction was undone in favour of another one: serialization failure, deadlock. Run it again. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

/** `claim_runs` (nodes-migration.ts) found that another node owns a run, which the message names. */
export function isRunOfOtherNode(error: unknown): boolean {
  return sqlState(error) === '23C02';
}

/** `delete_idle_sessions` (agent-migration.ts) found an unfinished run of the session that the message names. */
export function isSessionBusy(error: unknown): boolean {
  return sqlState(error) === '23C03';
}

/** `begin_commit` (migrations.ts) found that the commit is not the next one of its writer. */
export function isNotNextCommit(error: unknown): boolean {
  return sqlState(error) === 'CB001';
}

/** `check_fence` found that a newer release has migrated the schema. */
export function isSuperseded(error: unknown): boolean {
  return sqlState(error) === 'CB003';
}

/** The server has no connection to give now: too many connections, or it is starting. Try again soon. */
export function isBusyServer(error: unknown): boolean {
  const state = sqlState(error);
  return state === '53300' || state === '57P03';
}

/** All connections of a pool were in use for too long. The driver has no code for it. */
export function isPoolExhausted(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect';
}

const networkCodes: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE', 'ENOENT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'],
]);

/** The server does not answer now, but may later: it is starting, or the network is down. */
export function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('57P') || isBusyServer(error);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? error.code : undefined;
  return networkCodes.has(code) || /timeout|terminated/i.test(error.message);
}

/** The connection cannot be used any more: it broke, or the server ended it, or it leads to a read-only server. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return !isOwn(error);
  // Shutdown, crash, dropped database, idle session; connection exceptions; a server that became a replica; too long in
  // a transaction.
  return state.startsWith('57P') || state.startsWith('08') || state === '25006' || state === '25P03';
}

/** Errors of callers that got no connection at all. */
const withoutConnection = new WeakSet<object>();

export function markWithoutConnection(error: unknown): void {
  if (typeof error === 'object' && error !== null) withoutConnection.add(error);
}

/**
 * Whether a new connection may succeed at once: this one was found broken, as an idle one is after a restart of the
 * server. A caller that has waited, for a connection or for an answer, does not wait a second time.
 */
export function mayTryAgain(error: unknown): boolean {
  if (!isConnectionLost(error) || withoutConnection.has(error as object)) return false;
  return sqlState(error) !== undefined || !(error instanceof Error && /timeout/i.test(error.message));
}

/** The error for the caller of a read or write. A caller's own fault is returned unchanged. */
export function toStorageError(error: unknown): unknown {
  if (isCallersFault(error) || isStorageError(error)) return error;
  const state = sqlState(error);
  if (state === '53100') {
    return new CodeBuddyError(
      'storage_full',
      "The database server's disk is full; nothing was changed. Try again when there is space.",
      { cause: error },
    );
  }
  return unavailable(detailOf(state, error), error);
}

/** For `catch`: the error as `Store.write` throws it. */
export function throwStorageError(error: unknown): never {
  throw toStorageError(error);
}

/** `check_fence` (nodes-migration.ts) refuses the writes of a node that another one has taken over from. */
export const fencedDetail = 'This node was declared dead and joins again; nothing was changed.';

function detailOf(state: string | undefined, error: unknown): string {
  if (state === 'CB002') return fencedDetail;
  if (state === 'CB003')
    return 'A newer release has migrated the database, so this node ends; nothing was changed.';
  if (state === '57014') return 'The database took too long; nothing was changed.';
  if (state === '25006' || error instanceof StoreOpenError)
    return 'The database is read-only now; nothing was changed.';
  if (state === '53300') return 'The database has too many connections; nothing was changed.';
  if (isConnectionLost(error)) return 'The database cannot be reached now; nothing was changed.';
  return 'The database cannot be used now; nothing was changed.';
}

export function unavailable(detail: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('storage_unavailable', detail, {
    headers: { 'Retry-After': '1' },
    ...(cause === undefined ? {} : { cause }),
  });
}
