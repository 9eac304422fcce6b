// Many callers, few fsyncs: the writes of one turn of the event loop are sent as one group and share a commit. While a
// commit runs, the next group is collected; a large one may be sent ahead, so that the writer does not wait for it. The
// number and the text of waiting writes are bounded; beyond that, callers are refused at once.

import { callHost } from '../base/call-host.ts';
import { CodeBuddyError } from '../base/errors.ts';
import type { Write } from './store.ts';

interface Waiting<Program> {
  readonly program: Program;
  readonly rows: number;
  /** Length of its text in UTF-16 units. */
  readonly size: number;
  readonly resolve: (sequences: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface WriteQueueOptions<Program> {
  /** Encodes the writes of a caller. Only this caller gets its error. */
  readonly encode: (writes: readonly Write[]) => Program;
  /** Send a group to be committed. `settleCommitted` or `settleFailed` is called for each group, in their order. */
  readonly send: (callers: readonly Program[]) => void;
  /** Called with the error when commits begin to fail, and without one when they work again. */
  readonly onStorageChange?: (failure: unknown) => void;
  /** Groups on their way. With 2, one is being committed and one is ready for the writer. @default 2 */
  readonly maxGroups?: number;
  /**
   * How long delayed writes wait to fill up a commit, counted from the last one, unless they are many.
   * @default 0: no longer than their callers accept
   */
  readonly fillMs?: number;
  /** Rows of a commit. @default 500 */
  readonly maxRowsPerCommit?: number;
  /** Text of a commit in UTF-16 units, unless one caller exceeds it alone. @default 8 Mi */
  readonly maxSizePerCommit?: number;
  /** Rows that may wait, those on their way included. @default 100 000 */
  readonly maxRowsWaiting?: number;
  /** Text that may wait. @default 64 Mi */
  readonly maxSizeWaiting?: number;
}

export interface WriteQueue {
  /** @throws CodeBuddyError `storage_unavailable` if too much waits, or after `close` */
  write(writes: readonly Write[], maxDelayMs?: number): Promise<readonly number[]>;
  /** For each caller the sequence numbers of its events, or why its writes were refused. */
  settleCommitted(outcomes: readonly (readonly number[] | Error)[]): void;
  settleFailed(error: unknown): void;
  /** Refuse waiting and new writes, until it is called without an error. Writes that were sent are not affected. */
  refuse(error: Error | undefined): void;
  /** Refuse further writes. Resolves when everything that was accepted has been settled. */
  close(): Promise<void>;
}

/** A group of this size is sent although a commit is running, and is not delayed. */
const enoughRows = 150;
/** Beyond this, delayed writes wait for the next commit. */
const delayedRowsPerCommit = 250;
/** This many delayed callers are worth a commit of their own. */
const enoughDelayed = 8;

export function createWriteQueue<Program>({
  encode,
  send,
  onStorageChange,
  maxGroups = 2,
  fillMs = 0,
  maxRowsPerCommit = 500,
  maxSizePerCommit = 8 * 1024 * 1024,
  maxRowsWaiting = 100_000,
  maxSizeWaiting = 64 * 1024 * 1024,
}: WriteQueueOptions<Program>): WriteQueue {
  let queue: Waiting<Program>[] = [];
  /** Writes whose callers accept a delay: they fill up a commit and cause none. */
  let delayed: Waiting<Program>[] = [];
  let rowsWaiting = 0;
  let sizeWaiting = 0;
  /** Rows that were not sent yet. */
  let rowsQueued = 0;
  let lastSentAt = Number.NEGATIVE_INFINITY;
  const groups: (readonly Waiting<Program>[])[] = [];
  let scheduled: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isFailing = false;
  let refusal: Error | undefined;
  let onIdle: (() => void) | undefined;
  let closed = false;

  function takeGroup(): readonly Waiting<Program>[] {
    let rows = 0;
    let size = 0;
    const takeFrom = (line: readonly Waiting<Program>[], maxRows: number): number => {
      let callers = 0;
      for (const waiting of line) {
        if (rows > 0 && (rows + waiting.rows > maxRows || size + waiting.size > maxSizePerCommit)) break;
        rows += waiting.rows;
        size += waiting.size;
        callers++;
      }
      return callers;
    };
    const urgent = takeFrom(queue, maxRowsPerCommit);
    const more = takeFrom(delayed, Math.min(maxRowsPerCommit, delayedRowsPerCommit));
    const group = [...queue.slice(0, urgent), ...delayed.slice(0, more)];
    queue = queue.slice(urgent);
    delayed = delayed.slice(more);
    rowsQueued -= rows;
    return group;
  }

  /** Sends groups while there is room for them; small ones wait until no commit is running. */
  function sendGroups(): void {
    while (
      queue.length + delayed.length > 0 &&
      (groups.length === 0 || (groups.length < maxGroups && rowsQueued >= enoughRows))
    ) {
      const group = takeGroup();
      groups.push(group);
      if (fillMs > 0) lastSentAt = performance.now();
      sendGroup(group);
    }
  }

  function sendGroup(group: readonly Waiting<Program>[]): void {
    try {
      send(group.map(({ program }) => program));
    } catch (error) {
      // A value that cannot be cloned, such as a function. It is one caller's fault, and the others must not pay for
      // it.
      groups.pop();
      if (group.length === 1) {
        settle(group, (waiting) => waiting.reject(error));
        return;
      }
      for (const waiting of group) {
        groups.push([waiting]);
        sendGroup([waiting]);
      }
    }
  }

  /** How long delayed writes wait to fill up a commit, in ms: at least `delayMs`. */
  function filled(delayMs: number): number {
    return fillMs === 0 ? delayMs : Math.max(delayMs, lastSentAt + fillMs - performance.now());
  }

  function schedule(maxDelayMs: number): void {
    if (scheduled !== undefined) return;
    if (maxDelayMs > 0) {
      timer ??= setTimeout(() => schedule(0), maxDelayMs);
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    scheduled = setImmediate(() => {
      scheduled = undefined;
      sendGroups();
    });
  }

  function settle(
    group: readonly Waiting<Program>[],
    tell: (waiting: Waiting<Program>, index: number) => void,
  ): void {
    for (const [index, waiting] of group.entries()) {
      rowsWaiting -= waiting.rows;
      sizeWaiting -= waiting.size;
      tell(waiting, index);
    }
    if (queue.length > 0 || (fillMs === 0 ? delayed.length >= enoughDelayed : rowsQueued >= enoughRows))
      schedule(0);
    else if (delayed.length > 0) schedule(filled(1));
    else if (groups.length === 0) onIdle?.();
  }

  function setFailing(failing: boolean, failure?: unknown): void {
    if (isFailing === failing) return;
    isFailing = failing;
    callHost(() => onStorageChange?.(failure));
  }

  return {
    write(writes, maxDelayMs = 0) {
      if (closed) return Promise.reject(storeIsClosed());
      if (refusal !== undefined) return Promise.reject(refusal);
      const size = textOf(writes);
      const rows = rowsOf(writes);
      // A single write that is larger than what may wait is taken when nothing else waits.
      if (rowsWaiting > 0 && (rowsWaiting + rows > maxRowsWaiting || sizeWaiting + size > maxSizeWaiting))
        return Promise.reject(tooManyWaiting(rowsWaiting));
      let program: Program;
      try {
        program = encode(writes);
      } catch (error) {
        return Promise.reject(error);
      }
      rowsWaiting += rows;
      sizeWaiting += size;
      rowsQueued += rows;
      return new Promise((resolve, reject) => {
        (maxDelayMs > 0 ? delayed : queue).push({ program, rows, size, resolve, reject });
        if (groups.length === 0 || rowsQueued >= enoughRows)
          schedule(rowsQueued >= enoughRows || maxDelayMs === 0 ? 0 : filled(maxDelayMs));
      });
    },
    settleCommitted(outcomes) {
      const group = groups.shift() as readonly Waiting<Program>[];
      settle(group, ({ resolve, reject }, index) => {
        const outcome = outcomes[index] as readonly number[] | Error;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
      setFailing(false);
    },
    settleFailed(error) {
      const group = groups.shift() as readonly Waiting<Program>[];
      settle(group, ({ reject }) => reject(error));
      setFailing(true, error);
    },
    refuse(error) {
      refusal = error;
      if (error === undefined) return;
      const refused = [...queue, ...delayed];
      queue = [];
      delayed = [];
      rowsQueued = 0;
      settle(refused, ({ reject }) => reject(error));
    },
    async close() {
      closed = true;
      if (queue.length + delayed.length + groups.length === 0) return;
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve;
      });
      schedule(0);
      await idle;
    },
  };
}

export function storeIsClosed(): CodeBuddyError {
  return new CodeBuddyError('storage_unavailable', 'The store is closed.');
}

function tooManyWaiting(rows: number): CodeBuddyError {
  return new CodeBuddyError(
    'storage_unavailable',
    `${rows} writes already wait to be committed; nothing was changed. Try again later.`,
    { headers: { 'Retry-After': '1' } },
  );
}

/** Deliveries of an event count as rows. */
function rowsOf(writes: readonly Write[]): number {
  let rows = writes.length;
  for (const write of writes) {
    if (write.kind === 'appendEvent' || write.kind === 'addDeliveries')
      rows += write.outbox?.deliveries.length ?? 0;
  }
  return rows;
}

/** Length of the text of a list of writes. */
function textOf(writes: readonly Write[]): number {
  let size = 0;
  for (const write of writes) {
    if (write.kind === 'appendEvent')
      size += write.event.data.length + (write.outbox?.payload.tail?.length ?? 0);
    else if (write.kind === 'addDeliveries') size += write.data.length;
    else if (write.kind === 'changeDelivery') size += write.change.attempt?.length ?? 0;
    else if (write.kind === 'addMessage') size += write.message.content.length;
    else if (write.kind === 'addTurn') size += write.turn.content.length;
    else if (write.kind === 'putSession' || write.kind === 'addSession' || write.kind === 'draftSession')
      size += write.session.details.length + write.session.title.length;
    else if (write.kind === 'patchSession') size += write.details.length;
    else if (write.kind === 'putRun') size += write.run.details.length;
    else if (write.kind === 'patchRun') size += write.details.length;
    else if (write.kind === 'putAnswer') size += write.answer.body.length + write.answer.headers.length;
  }
  return size;
}
