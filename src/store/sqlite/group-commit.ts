// Many callers, few fsyncs: all writes of one turn of the event loop are committed together. All or none of the writes
// of a caller are kept. If a row is invalid, the group is rolled back and applied again without its caller, which alone
// fails.

import type { DatabaseSync } from 'node:sqlite';
import { callHost } from '../../base/call-host.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Write } from '../store.ts';
import { isCallersFault, toStorageError } from './sqlite-errors.ts';

interface Waiting {
  readonly writes: readonly Write[];
  readonly rows: number;
  /** The length of its text, in UTF-16 units. */
  readonly size: number;
  readonly resolve: (sequences: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome =
  | { readonly kind: 'written'; readonly sequences: readonly number[] }
  | { readonly kind: 'refused'; readonly error: unknown };

export interface GroupCommitOptions {
  readonly database: DatabaseSync;
  /** The folder of the database, to tell a full disk from a broken one. */
  readonly directory: string;
  /** Apply one write inside the transaction. Returns the sequence of an event. */
  readonly apply: (write: Write) => number | undefined;
  /** Called when commits begin to fail, and when they work again. Its errors are ignored. */
  readonly onStorageChange?: (failure: unknown) => void;
  /** The most rows of a commit, so that it blocks for a few milliseconds only. @default 500 */
  readonly maxRowsPerCommit?: number;
  /** The most text of a commit, in UTF-16 units, unless one caller alone exceeds it. @default 8 Mi */
  readonly maxSizePerCommit?: number;
  /** The most waiting rows. Further writes are refused at once, to bound memory. @default 100 000 */
  readonly maxRowsWaiting?: number;
  /** The most waiting text, in UTF-16 units. @default 64 Mi */
  readonly maxSizeWaiting?: number;
}

export interface GroupCommit {
  write(writes: readonly Write[], maxDelayMs?: number): Promise<readonly number[]>;
  /** Run several statements of the store at once, in one transaction. */
  transaction<T>(work: () => T): T;
  /** Commit all waiting writes now, and refuse later ones. */
  close(): void;
}

/** A commit of this many rows does not wait for more. */
const enoughRows = 150;
/** Beyond this many rows, writes that may wait go into the next commit. */
const patientRowsPerCommit = 250;
/** This many callers are committed at once. */
const enoughPatient = 8;

export function createGroupCommit({
  database,
  directory,
  apply,
  onStorageChange,
  maxRowsPerCommit = 500,
  maxSizePerCommit = 8 * 1024 * 1024,
  maxRowsWaiting = 100_000,
  maxSizeWaiting = 64 * 1024 * 1024,
}: GroupCommitOptions): GroupCommit {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  let queue: Waiting[] = [];
  /** Writes that may wait. They fill up commits without delaying others. */
  let patient: Waiting[] = [];
  let rowsWaiting = 0;
  let sizeWaiting = 0;
  let scheduled: NodeJS.Immediate | undefined;
  /** Runs while all waiting writes may wait longer. */
  let delayed: NodeJS.Timeout | undefined;
  let failing = false;
  let closed = false;

  function transaction<T>(work: () => T): T {
    begin.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      // SQLite itself ends the transaction on some errors, such as a full disk.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  function applyCaller({ writes }: Waiting): Outcome {
    const sequences: number[] = [];
    for (const write of writes) {
      const sequence = apply(write);
      if (sequence !== undefined) sequences.push(sequence);
    }
    return { kind: 'written', sequences };
  }

  /** As `applyCaller`, but if a row is invalid, undo the writes of this caller alone. */
  function applyCallerApart(waiting: Waiting): Outcome {
    database.exec('SAVEPOINT caller');
    try {
      const outcome = applyCaller(waiting);
      database.exec('RELEASE caller');
      return outcome;
    } catch (error) {
      if (!isCallersFault(error)) throw error;
      database.exec('ROLLBACK TO caller; RELEASE caller');
      return { kind: 'refused', error };
    }
  }

  function applyGroup(group: readonly Waiting[]): readonly Outcome[] {
    try {
      return transaction(() => group.map(applyCaller));
    } catch (error) {
      if (!isCallersFault(error)) throw error;
      return transaction(() => group.map(applyCallerApart));
    }
  }

  function commitGroup(group: readonly Waiting[]): void {
    let outcomes: readonly Outcome[];
    try {
      outcomes = applyGroup(group);
    } catch (error) {
      const told = toStorageError(error, directory);
      for (const { reject } of group) reject(told);
      setFailing(true, told);
      return;
    }
    for (const [index, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[index] as Outcome;
      if (outcome.kind === 'written') resolve(outcome.sequences);
      else reject(outcome.error);
    }
    setFailing(false);
  }

  function setFailing(isFailing: boolean, failure?: unknown): void {
    if (failing === isFailing) return;
    failing = isFailing;
    callHost(() => onStorageChange?.(failure));
  }

  /** Take callers in their order, up to the size of one commit; at least one. */
  function takeGroup(): readonly Waiting[] {
    let rows = 0;
    let size = 0;
    const takeFrom = (line: readonly Waiting[], mostRows: number): number => {
      let callers = 0;
      for (const waiting of line) {
        if (rows > 0 && (rows >= mostRows || size + waiting.size > maxSizePerCommit)) break;
        rows += waiting.rows;
        size += waiting.size;
        callers++;
      }
      return callers;
    };
    const urgent = takeFrom(queue, maxRowsPerCommit);
    const more = takeFrom(patient, Math.min(maxRowsPerCommit, patientRowsPerCommit));
    const group = [...queue.slice(0, urgent), ...patient.slice(0, more)];
    queue = queue.slice(urgent);
    patient = patient.slice(more);
    rowsWaiting -= rows;
    sizeWaiting -= size;
    return group;
  }

  /** One commit in each turn of the event loop, so that requests are served in between. */
  function commitNext(): void {
    try {
      commitGroup(takeGroup());
    } finally {
      // The next group is committed even if this one fails.
      scheduled = undefined;
      if (queue.length > 0 || patient.length >= enoughPatient) schedule(0);
      else if (patient.length > 0) schedule(1);
    }
  }

  function schedule(maxDelayMs: number): void {
    if (scheduled !== undefined) return;
    if (maxDelayMs > 0) {
      delayed ??= setTimeout(() => schedule(0), maxDelayMs);
      return;
    }
    clearTimeout(delayed);
    delayed = undefined;
    scheduled = setImmediate(commitNext);
  }

  return {
    write(writes, maxDelayMs = 0) {
      if (closed) return Promise.reject(storeIsClosed());
      const size = textOf(writes);
      const rows = rowsOf(writes);
      // A single write above the limit is accepted if nothing else waits.
      if (rowsWaiting > 0 && (rowsWaiting + rows > maxRowsWaiting || sizeWaiting + size > maxSizeWaiting))
        return Promise.reject(tooManyWaiting(rowsWaiting));
      rowsWaiting += rows;
      sizeWaiting += size;
      return new Promise((resolve, reject) => {
        (maxDelayMs > 0 ? patient : queue).push({ writes, rows, size, resolve, reject });
        schedule(rowsWaiting >= enoughRows ? 0 : maxDelayMs);
      });
    },
    transaction,
    close() {
      closed = true;
      clearTimeout(delayed);
      if (scheduled !== undefined) clearImmediate(scheduled);
      scheduled = undefined;
      while (queue.length > 0 || patient.length > 0) commitGroup(takeGroup());
    },
  };
}

export function storeIsClosed(): CodeBuddyError {
  return new CodeBuddyError('storage_unavailable', 'The store is closed.');
}

function tooManyWaiting(rows: number): CodeBuddyError {
  return new CodeBuddyError(
    'storage_unavailable',
    `${rows} writes already wait for the disk; nothing was changed. Try again later.`,
    { headers: { 'Retry-After': '1' } },
  );
}

/** The deliveries of an event count as rows too. */
function rowsOf(writes: readonly Write[]): number {
  let rows = writes.length;
  for (const write of writes) {
    if (write.kind === 'appendEvent' || write.kind === 'addDeliveries')
      rows += write.outbox?.deliveries.length ?? 0;
  }
  return rows;
}

/** The length of all text of a list of writes. */
function textOf(writes: readonly Write[]): number {
  let size = 0;
  for (const write of writes) {
    if (write.kind === 'appendEvent')
      size += write.event.data.length + (write.outbox?.payload.tail.length ?? 0);
    else if (write.kind === 'addDeliveries') size += write.outbox.payload.tail.length;
    else if (write.kind === 'changeDelivery') size += write.change.attempt?.length ?? 0;
    else if (write.kind === 'addMessage') size += write.message.content.length;
    else if (write.kind === 'putSession' || write.kind === 'draftSession')
      size += write.session.details.length + write.session.title.length;
    else if (write.kind === 'patchSession') size += write.details.length;
    else if (write.kind === 'putRun') size += write.run.details.length;
    else if (write.kind === 'patchRun') size += write.details.length;
    else if (write.kind === 'putAnswer') size += write.answer.body.length + write.answer.headers.length;
  }
  return size;
}
