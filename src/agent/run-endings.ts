// Ends runs: completed with an answer, or cancelled, interrupted or failed. Each ending is one commit of the run, its
// last message and its events; the result settles after it. `recover` ends the runs that a crash left unfinished.

import { CodeBuddyError, exhaustionOf } from '../base/errors.ts';
import type { RunFigures } from '../base/run-figures.ts';
import { type RunEnding, unfinishedRunStatuses } from '../contract/run.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import type { RunRow, Store, Write } from '../store/store.ts';
import type { DriverResult } from './driver.ts';
import type { LiveRun, Stop } from './live-run.ts';
import { newMessageRow } from './message-record.ts';
import { type AgentNode, lostRun } from './nodes/agent-node.ts';
import type { Retries } from './nodes/retries.ts';
import { sortUnfinished } from './reopened-runs.ts';
import { patchRun, type RunRecord, toRun, withoutPrompt } from './run-record.ts';
import { noUsage, patchSession } from './session-memory.ts';

const stoppedWhileUnfinished = 'The server stopped while the run was unfinished.';
export const interruptedByClose: Stop = { kind: 'interrupted', reason: stoppedWhileUnfinished };

export interface RunEndingsOptions {
  readonly store: Pick<Store, 'listRuns' | 'questions'>;
  readonly log: EventLog;
  readonly figures: Pick<RunFigures, 'ended'>;
  readonly now: () => number;
  /** Called for internal errors; details must not reach clients. */
  readonly onFault: (error: unknown, runId: string) => void;
  /** Present if other nodes work on the store. */
  readonly node: AgentNode | undefined;
  readonly retries: Retries | undefined;
}

export interface RunEndings {
  /** @throws if the answer cannot be committed; then the run has not ended */
  complete(run: LiveRun, result: DriverResult, durationMs: number): Promise<void>;
  /** Ends a run that did not complete: it was stopped, or `error` was thrown. Never rejects. */
  fail(run: LiveRun, error: unknown): Promise<void>;
  /** The events and writes that mark runs as interrupted. */
  interruption(rows: readonly RunRow[]): {
    readonly events: readonly NewEvent[];
    readonly writes: readonly Write[];
  };
  /**
   * Marks the runs that an earlier process left unfinished as interrupted. Returns those that can be queued again or
   * continue, in the order of their ids.
   */
  recover(): Promise<readonly RunRow[]>;
}

export function createRunEndings({
  store,
  log,
  figures,
  now,
  onFault,
  node,
  retries,
}: RunEndingsOptions): RunEndings {
  const iso = (): string => new Date(now()).toISOString();

  /** The end of a run ends the ownership of it. */
  function endWrites(record: RunRecord): readonly Write[] {
    return [
      patchRun(record, now()),
      { kind: 'deleteQuestions', runId: record.id },
      ...(node === undefined ? [] : node.runs.release(record.id)),
    ];
  }

  function interruption(rows: readonly RunRow[]): ReturnType<RunEndings['interruption']> {
    const error = { code: 'interrupted', message: stoppedWhileUnfinished };
    return {
      events: rows.map(({ id, sessionId }) => ({
        type: 'run.failed' as const,
        data: { ...error, interrupted: true },
        sessionId,
        runId: id,
      })),
      writes: rows.flatMap((row) =>
        endWrites({
          ...withoutPrompt(toRun(row)),
          status: 'interrupted',
          finishReason: 'interrupted',
          error,
          endedAt: iso(),
        }),
      ),
    };
  }

  return {
    async complete(run, { response, data, reasoning, model, finishReason, isUsageUnknown }, durationMs) {
      const { owner, hop } = run;
      run.ending();
      // A run without a model call has no cost.
      const { usage, cost } =
        run.record.usage === null && !isUsageUnknown ? { usage: noUsage, cost: 0 } : run.record;
      const message = newMessageRow(
        { ...owner, role: 'assistant', content: response, reasoning, sent: run.hasAnswered },
        now(),
      );
      const output = data === undefined ? {} : { data };
      const answer = { response, model, usage, cost, finishReason };
      const record: RunRecord = { ...run.record, ...answer, status: 'completed', endedAt: iso() };
      await log.append(
        [
          {
            type: 'message.assistant',
            data: { messageId: message.id, text: response, model },
            ...owner,
            hop,
          },
          {
            type: 'run.complete',
            data: { ...answer, ...output, durationMs: Math.round(durationMs * 1000) / 1000 },
            ...owner,
            hop,
          },
        ],
        [
          ...run.takePendingWrites(),
          ...endWrites(record),
          { kind: 'addMessage', message },
          patchSession(owner.sessionId, { model }, now()),
        ],
      );
      run.end(record);
      figures.ended('completed', durationMs);
      run.resolve({ response, ...output, ...owner, model, usage, cost, finishReason });
    },
    async fail(run, cause) {
      const { owner, hop } = run;
      if (run.isLeft) {
        run.abort();
        run.reject(new CodeBuddyError('shutting_down', 'The run continues after the restart of the server.'));
        return;
      }
      const { status, error, event } = run.isLost
        ? { ...judgeEnding(interruptedElsewhere, cause), error: lostRun() }
        : judgeEnding(run.stopped, cause);
      if (error.code === 'internal_error') onFault(cause, run.id);
      run.ending();
      run.abort();
      const record: RunRecord = {
        ...run.record,
        status,
        // The same code as in the event, and as after a crash.
        error: { code: status === 'interrupted' ? 'interrupted' : error.code, message: error.message },
        ...(error.response === undefined ? {} : { response: error.response }),
        finishReason: status === 'failed' ? 'error' : status,
        endedAt: iso(),
      };
      // The node that took over a lost run records its end.
      if (!run.isLost) {
        const ended: NewEvent = { ...event, ...owner, hop };
        try {
          await log.append([ended], [...run.takePendingWrites(), ...endWrites(record)]);
        } catch (fault) {
          // The store cannot be written now; `recover` marks the run at the next start.
          onFault(fault, run.id);
          // Until it is recorded, other nodes see the run as unfinished, and this node owns it.
          if (!run.isLost) retries?.tryAgain(() => log.append([ended], endWrites(record)));
        }
      }
      run.end(record);
      const { startedAt } = record;
      figures.ended(status, startedAt === null ? undefined : now() - Date.parse(startedAt));
      run.reject(error);
    },
    interruption,
    async recover() {
      const queued: RunRow[] = [];
      for (let beforeId: string | undefined; ; ) {
        const rows = await store.listRuns({
          limit: 200,
          statuses: unfinishedRunStatuses,
          ...(beforeId === undefined ? {} : { beforeId }),
        });
        beforeId = rows.at(-1)?.id;
        if (beforeId === undefined) return queued.reverse();
        const { again, left } = await sortUnfinished(store, rows);
        queued.push(...again);
        const { events, writes } = interruption(left);
        if (events.length > 0) await log.append(events, writes);
      }
    },
  };
}

const interruptedElsewhere: Stop = {
  kind: 'interrupted',
  reason: 'Another node has taken over from the node that worked on the run.',
};

interface BadEnding {
  readonly status: Exclude<RunEnding, 'completed'>;
  /** The error for callers that wait for the answer. */
  readonly error: CodeBuddyError;
  readonly event: NewEvent;
}

function judgeEnding(stop: Stop | undefined, cause: unknown): BadEnding {
  if (stop?.kind === 'cancelled') {
    const error = new CodeBuddyError('run_cancelled', `The run was cancelled: ${stop.reason}.`);
    return { status: 'cancelled', error, event: { type: 'run.cancelled', data: { reason: stop.reason } } };
  }
  if (stop?.kind === 'interrupted') {
    const data = { code: 'interrupted', message: stop.reason, interrupted: true };
    const error = new CodeBuddyError('shutting_down', stop.reason);
    return { status: 'interrupted', error, event: { type: 'run.failed', data } };
  }
  const error = stop?.kind === 'timeout' ? timedOut() : asProblem(cause);
  const { code, message, response } = error;
  const data = { code, message, ...(response === undefined ? {} : { response }) };
  return { status: 'failed', error, event: { type: 'run.failed', data } };
}

function timedOut(): CodeBuddyError {
  return new CodeBuddyError('run_timeout', 'The run exceeded its time limit (options.timeoutMs).');
}

function asProblem(cause: unknown): CodeBuddyError {
  if (cause instanceof CodeBuddyError) return cause;
  return (
    exhaustionOf(cause) ??
    new CodeBuddyError('internal_error', 'Internal error; see the server log.', { cause })
  );
}
