// Many callers, few fsyncs: all that was asked for in one turn of the event loop is committed together. All of a caller's writes are
// kept or none; if one caller's row is at fault, the group is rolled back and done again so that only that caller hears of it.

import type { DatabaseSync } from 'node:sqlite';
import { callHost } from '../../base/call-host.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Write } from '../store.ts';
import { isCallersFault, toStorageError } from './sqlite-errors.ts';

interface Waiting {
  readonly writes: readonly Write[];
  readonly rows: number;
  /** About what its text takes in memory, in UTF-16 units. */
  readonly size: number;
  readonly resolve: (sequences: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome =
  | { readonly kind: 'written'; readonly sequences: readonly number[] }
  | { readonly kind: 'refused'; readonly error: unknown };

export interface GroupCommitOptions {
  readonly database: DatabaseSync;
  /** The folder of the database: tells a full disk from a broken one. */
  readonly directory: string;
  /** Does one write inside the transaction and returns the sequence of an event. */
  readonly apply: (write: Write) => number | undefined;
  /** Called when commits begin to fail for want of storage, and when they work again. What it throws is dropped. */
  readonly onStorageChange?: (failure: unknown) => void;
  /** Rows a commit holds at most: keeps the pause of one commit to some milliseconds. @default 500 */
  readonly maxRowsPerCommit?: number;
  /** Text a commit holds at most, as far as one caller's writes do not exceed it alone. @default 8 Mi */
  readonly maxSizePerCommit?: number;
  /** Rows that may wait; beyond, callers are told at once instead of filling memory. @default 100 000 */
  readonly maxRowsWaiting?: number;
  /** Text that may wait. @default 64 Mi */
  readonly maxSizeWaiting?: number;
}

export interface GroupCommit {
  write(writes: readonly Write[], maxDelayMs?: number): Promise<readonly number[]>;
  /** Several statements of the store's own as one, at once. */
  transaction<T>(work: () => T): T;
  /** Commits all that waits, at once; refuses what comes later. */
  close(): void;
}

/** A commit this large is worth its fsync: it waits for no more company. */
const enoughRows = 150;
/** Beyond this the patient ones of a commit wait for the next: their callers do, and nobody else. */
const patientRowsPerCommit = 250;
/** So many callers that they are worth a commit of their own at once. */
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
  /** Writes that nobody waits for: they fill up a commit, and hold up nobody. */
  let patient: Waiting[] = [];
  let rowsWaiting = 0;
  let sizeWaiting = 0;
  let scheduled: NodeJS.Immediate | undefined;
  /** Runs while all that waits can wait longer. */
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
      // SQLite ends the transaction by itself on some errors, a full disk among them.
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

  /** As `applyCaller`; if the rows are at fault, takes back this caller's and goes on. */
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

  /** Takes callers, in their order, up to the size of one commit; at least one. */
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

  /** One commit a turn, so that requests are served between the commits of a long queue. */
  function commitNext(): void {
    try {
      commitGroup(takeGroup());
    } finally {
      // Whatever happens to this group, the next one must be committed.
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
      // A single write that is larger than what may wait is taken when nothing else waits.
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

/** An event's deliveries are rows too. */
function rowsOf(writes: readonly Write[]): number {
  let rows = writes.length;
  for (const write of writes) {
    if (write.kind === 'appendEvent' || write.kind === 'addDeliveries')
      rows += write.outbox?.deliveries.length ?? 0;
  }
  return rows;
}

/** Length of all text of the records of a list of writes. */
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
