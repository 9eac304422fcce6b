// Commits the writes of several callers together. All writes of a caller are kept, or none. If a row is at fault, the
// group is halved until its caller is found, so that only this caller fails. A commit whose answer was lost is looked
// up: it is never made twice, and no caller gets an error for a commit that succeeded.

import { CodeBuddyError } from '../../base/errors.ts';
import { withPossibleEffect } from '../../base/possible-effect.ts';
import { sessionBusy } from '../session-busy.ts';
import { namedSessionExists, sessionExists } from '../session-exists.ts';
import type { CommitMarker } from './commit-marker.ts';
import type { Database } from './database.ts';
import type { WriteProgram } from './encode-writes.ts';
import {
  existingSession,
  existingSessionName,
  isCallersFault,
  isConnectionLost,
  isForeignKeyViolation,
  isNotNextCommit,
  isRunOfOtherNode,
  isSessionBusy,
  mayTryAgain,
  throwStorageError,
  toStorageError,
  unavailable,
} from './postgres-errors.ts';
import { runPlan } from './run-plan.ts';
import { inTransaction, type WriteGuard } from './transaction.ts';
import { planWrites, type WritePlan } from './write-plan.ts';

/** The writes of one caller, with the guard of the time when they were accepted. */
export interface GuardedProgram extends WriteProgram {
  readonly guard: WriteGuard | undefined;
}

/** The sequence numbers of a caller's events, or why its writes were refused. */
export type Outcome = readonly number[] | Error;

export interface GroupCommitOptions {
  readonly database: Database;
  readonly marker: CommitMarker;
  /** Called after each commit. `last`: the last number of its events; undefined without events. */
  readonly onCommitted?: ((plan: WritePlan, last: number | undefined) => void) | undefined;
  /** Called when the outcome of a commit cannot be looked up because the database is away, and once it is known. */
  readonly onDoubt: (failure: Error | undefined) => void;
  /** How long to look for the outcome of a commit whose answer was lost. @default 30 000 */
  readonly doubtLimitMs?: number | undefined;
}

export interface GroupCommit {
  /** Commit a group. Resolves to an outcome for each caller. @throws if nothing could be committed */
  commit(callers: readonly GuardedProgram[]): Promise<readonly Outcome[]>;
}

/** A commit that failed because its connection broke is made once more: the server may just have been restarted. */
const maxAttempts = 2;
const firstPauseMs = 50;
const longestPauseMs = 500;

export function createGroupCommit({
  database,
  marker,
  onCommitted,
  onDoubt,
  doubtLimitMs = 30_000,
}: GroupCommitOptions): GroupCommit {
  /** Whether the outcome of the last commit is unknown; it is looked up before the next one. */
  let isInDoubt = false;

  async function commit(callers: readonly GuardedProgram[]): Promise<readonly Outcome[]> {
    const guard = callers[0]?.guard;
    const others = callers.findIndex((caller) => caller.guard !== guard);
    if (others !== -1) return commitApart(callers, others);
    try {
      const plan = planWrites(callers);
      const last = await commitTogether(plan, guard);
      onCommitted?.(plan, plan.appends.length === 0 ? undefined : last);
      return numbersOf(callers, last);
    } catch (error) {
      if (!isCallersFault(error)) throw error;
      const [caller] = callers;
      if (caller === undefined || callers.length === 1) return [toCallersError(error, caller)];
    }
    return commitApart(callers, callers.length >> 1);
  }

  /** Commit the callers before `middle`, then the others. */
  async function commitApart(
    callers: readonly GuardedProgram[],
    middle: number,
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    let error: unknown;
    let failed = 0;
    for (const part of [callers.slice(0, middle), callers.slice(middle)]) {
      try {
        outcomes.push(...(await commit(part)));
      } catch (thrown) {
        // An error of the first part stops the others, unless it comes from its guard.
        if (outcomes.length === 0 && callers[0]?.guard === callers.at(-1)?.guard) throw thrown;
        error = thrown;
        failed++;
        outcomes.push(...part.map(() => thrown as Error));
      }
    }
    if (failed === 2) throw error;
    return outcomes;
  }

  /** Resolves to the last number of the events. */
  async function commitTogether(plan: WritePlan, guard: WriteGuard | undefined): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      await settleLast();
      try {
        const last = await tryCommit(plan, guard);
        marker.made();
        return last;
      } catch (error) {
        if (isInDoubt) {
          const last = await findOutcome(plan, error);
          if (last !== undefined) return last;
        } else if (isNotNextCommit(error)) await marker.register().catch(throwStorageError);
        if (attempt === maxAttempts || !(mayTryAgain(error) || isNotNextCommit(error)))
          throw toStorageError(error);
      }
    }
  }

  /** The callers of a commit in doubt were told that its outcome is not known. It must be known before the next one. */
  async function settleLast(): Promise<void> {
    if (!isInDoubt) return;
    await marker.settle().catch(throwStorageError);
    isInDoubt = false;
  }

  async function tryCommit(plan: WritePlan, guard: WriteGuard | undefined): Promise<number> {
    const { numbers } = await inTransaction(
      {
        database,
        pool: 'writer',
        guard,
        onCommitSent: () => {
          isInDoubt = true;
        },
      },
      (session) => {
        // Sent after the guard and before the writes.
        void marker.begin(session);
        return runPlan(session, { plan, writer: marker.writer });
      },
    ).catch((error: unknown) => {
      // The server said that it did not commit.
      if (!isConnectionLost(error)) isInDoubt = false;
      throw error;
    });
    isInDoubt = false;
    return numbers === undefined ? 0 : Number((await numbers).rows[0]?.last);
  }

  /**
   * The last number of the events of a commit whose answer was lost; undefined if it was not made. Asks until the database
   * answers.
   */
  async function findOutcome(plan: WritePlan, cause: unknown): Promise<number | undefined> {
    const giveUpAt = performance.now() + doubtLimitMs;
    let isMade: boolean | undefined;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        isMade ??= await marker.settle();
        isInDoubt = false;
        const last = isMade ? await lastNumber(plan) : undefined;
        onDoubt(undefined);
        return last;
      } catch (error) {
        onDoubt(toStorageError(error) as Error);
        if (performance.now() > giveUpAt) {
          onDoubt(undefined);
          throw withPossibleEffect(
            unavailable(
              'The database went away during a commit; whether it was saved is not known yet.',
              cause,
            ),
          );
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  async function lastNumber({ appends }: WritePlan): Promise<number> {
    const last = appends.at(-1);
    if (last === undefined) return 0;
    const statement = { name: 'sequenceOf', text: 'SELECT sequence FROM events WHERE id = $1' };
    const { rows } = await database.read(statement, [last.event.id]);
    return Number(rows[0]?.sequence);
  }

  return { commit };
}

function numbersOf(callers: readonly WriteProgram[], last: number): readonly (readonly number[])[] {
  let next = last + 1;
  for (const { appends } of callers) next -= appends.length;
  return callers.map(({ appends }) => appends.map(() => next++));
}

/** The session of a message, turn or run may have been deleted while the write waited. */
function toCallersError(cause: unknown, caller: WriteProgram | undefined): Error {
  if (isRunOfOtherNode(cause)) {
    const runId = (cause as Error).message;
    return new CodeBuddyError('run_not_resumable', `Run ${JSON.stringify(runId)} works on another node.`, {
      cause,
    });
  }
  if (isSessionBusy(cause)) return sessionBusy((cause as Error).message, cause);
  const existing = existingSession(cause);
  if (existing !== undefined && caller?.steps.some(({ kind }) => kind === 'addSession'))
    return sessionExists(existing, cause);
  const existingName = existingSessionName(cause);
  if (existingName !== undefined) return namedSessionExists(existingName, cause);
  if (!isForeignKeyViolation(cause)) return cause as Error;
  const detail = String((cause as { readonly detail?: unknown }).detail);
  const sessions = caller?.steps.map(({ row }) => row.session_id).filter((id) => typeof id === 'string');
  const missing = sessions?.find((id) => detail.includes(`(${id})`)) ?? sessions?.[0];
  return new CodeBuddyError('session_not_found', `Session ${JSON.stringify(missing)} not found.`, { cause });
}
