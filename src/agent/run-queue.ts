// The runs that have not ended: the queued ones, and at most one working run per session. Decides whether one more is
// accepted and which run begins next.
//
//   admit --> in line --next--> working --release--> gone
//                 `--leaveLine--> ending --release--> gone

import { CodeBuddyError } from '../base/errors.ts';
import type { RunStateCounts } from '../contract/run.ts';
import type { LiveRun } from './live-run.ts';
import type { RunLimits } from './run-limits.ts';
import { createRunTurns } from './run-turns.ts';

export class RunQueue {
  readonly #limits: RunLimits;
  readonly #turns = createRunTurns();
  /** All runs that have not ended, by id. */
  readonly #live = new Map<string, LiveRun>();
  /** In the order of arrival. */
  readonly #line: LiveRun[] = [];
  /** By session. */
  readonly #working = new Map<string, LiveRun>();

  /** Sessions that something else than a run works on. */
  readonly #held = new Set<string>();

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#live.size;
  }

  get(id: string): LiveRun | undefined {
    return this.#live.get(id);
  }

  has(id: string): boolean {
    return this.#live.has(id);
  }

  all(): readonly LiveRun[] {
    return [...this.#live.values()];
  }

  inLine(): readonly LiveRun[] {
    return [...this.#line];
  }

  working(): readonly LiveRun[] {
    return [...this.#working.values()];
  }

  /** Runs that were stopped and are about to end are not counted. */
  countByStatus(): RunStateCounts {
    const counts = { queued: 0, running: 0, waiting: 0 };
    for (const { record } of this.#live.values()) {
      const { status } = record;
      if (status === 'queued' || status === 'running' || status === 'waiting') counts[status]++;
    }
    return counts;
  }

  isSessionBusy(sessionId: string): boolean {
    return (
      this.#held.has(sessionId) ||
      this.#working.has(sessionId) ||
      this.#line.some((run) => run.sessionId === sessionId)
    );
  }

  /**
   * Adds a run to the end of the queue and returns how many runs of its session are ahead of it.
   * @throws CodeBuddyError `too_many_runs`, `too_many_waiting_runs`
   */
  admit(run: LiveRun): number {
    const position = this.#requireRoom(run);
    this.#live.set(run.id, run);
    this.#line.push(run);
    return position;
  }

  /** Adds a run that was accepted before, whatever the limits are. */
  readmit(run: LiveRun): void {
    this.#live.set(run.id, run);
    this.#line.push(run);
  }

  /** Removes a run from the queue for good. Returns false if it was not queued. */
  leaveLine(run: LiveRun): boolean {
    const index = this.#line.indexOf(run);
    if (index === -1) return false;
    this.#line.splice(index, 1);
    return true;
  }

  /** The next run that may begin; it counts as working from now on. */
  next(): LiveRun | undefined {
    let active = 0;
    for (const run of this.#working.values()) if (!run.isWaiting) active++;
    if (active >= this.#limits.maxActive) return undefined;
    const run = this.#turns.next(
      this.#line,
      ({ isAdmitted, sessionId, request }) =>
        isAdmitted &&
        !this.#held.has(sessionId) &&
        !this.#working.has(sessionId) &&
        this.#waitingLimit(request.keyId) === undefined,
    );
    if (run === undefined) return undefined;
    this.leaveLine(run);
    this.#working.set(run.sessionId, run);
    return run;
  }

  /** Lets no run of the session begin until `letGo`. */
  hold(sessionId: string): void {
    this.#held.add(sessionId);
  }

  letGo(sessionId: string): void {
    this.#held.delete(sessionId);
  }

  /** Removes a run that has ended. */
  release(run: LiveRun): void {
    this.leaveLine(run);
    this.#live.delete(run.id);
    if (this.#working.get(run.sessionId) === run) this.#working.delete(run.sessionId);
    run.released();
  }

  #requireRoom({ sessionId, request: { keyId } }: LiveRun): number {
    const { maxQueuedPerSession, maxQueuedPerKey, maxQueued } = this.#limits;
    const waiting = this.#waitingLimit(keyId);
    if (waiting !== undefined) {
      throw new CodeBuddyError(
        'too_many_waiting_runs',
        `${waiting}: answer their requests (GET /api/permissions) or cancel some of them.`,
        { headers: { 'Retry-After': '30' } },
      );
    }
    let ofSession = 0;
    let ofKey = 0;
    for (const run of this.#line) {
      if (run.sessionId === sessionId) ofSession++;
      if (run.request.keyId === keyId) ofKey++;
    }
    if (ofSession >= maxQueuedPerSession) throw queueFull('The session', maxQueuedPerSession);
    if (keyId !== null && ofKey >= maxQueuedPerKey) throw queueFull('The API key', maxQueuedPerKey);
    if (this.#line.length >= maxQueued) throw queueFull('The server', maxQueued);
    return ofSession + (this.#working.has(sessionId) ? 1 : 0);
  }

  /** Describes the limit of waiting runs that is reached, of the server or of the key; undefined if none is. */
  #waitingLimit(keyId: string | null): string | undefined {
    const { maxWaiting, maxWaitingPerKey } = this.#limits;
    let all = 0;
    let ofKey = 0;
    for (const { isWaiting, request } of this.#working.values()) {
      if (!isWaiting) continue;
      all++;
      if (request.keyId === keyId) ofKey++;
    }
    if (all >= maxWaiting) return `${all} runs wait for approval`;
    if (keyId !== null && ofKey >= maxWaitingPerKey) return `${ofKey} runs of this API key wait for approval`;
    return undefined;
  }
}

function queueFull(owner: string, limit: number): CodeBuddyError {
  return new CodeBuddyError(
    'too_many_runs',
    `${owner} has reached its limit of ${limit} queued runs; try again later.`,
    {
      headers: { 'Retry-After': '5' },
    },
  );
}
