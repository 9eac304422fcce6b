// Where runs of this process wait for permissions, answers and results of their callers' tools. Each item is in the
// store before it can be answered, and its answer is in the store before the run continues. After a restart, a run asks
// again with the same item; an answer that came meanwhile is kept with it.

import { CodeBuddyError } from '../../base/errors.ts';
import { contentOf, type InboxAnswer, type InboxItem, type InboxKind } from '../../contract/inbox.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import type { Write } from '../../store/store.ts';
import { answeredItem, checkAnswer } from './check-answer.ts';
import { askEvent, type Ending, endEvent } from './item-events.ts';
import { startLongTimer } from './long-timer.ts';
import { type OpenItem, questionWrite } from './open-item.ts';

/** The run that waits. */
export interface WaitHooks {
  readonly signal: AbortSignal;
  /** True if another process continues the run: the item stays as it is. Asked when the signal aborts. */
  readonly isLeft: () => boolean;
  /** Called when the run begins to wait. Returns the changes that are committed with the question. */
  readonly beginWait: (open: OpenItem, question: Write) => readonly Write[];
  /** Called when the run works again. Returns the changes that are committed with the answer. */
  readonly endWait: (question: Write) => readonly Write[];
  /** Called when the item is in the log. */
  readonly onAsked: (item: InboxItem) => void;
}

export interface WaitRequest extends WaitHooks {
  readonly open: OpenItem;
  /** True if it waited in an earlier process: its event is in the log. */
  readonly isReopened: boolean;
  /** Called before an answer is committed. */
  readonly beforeAnswer?: (answer: InboxAnswer) => Promise<void>;
}

export interface WaitingRoom {
  /** Waits for an answer. @throws the signal's reason */
  ask(request: WaitRequest): Promise<Extract<Ending, { kind: 'answered' | 'expired' }>>;
  /** The pending items of this process, oldest first. */
  pending(): readonly InboxItem[];
  /** Whether `answer` can say what became of it. */
  knows(id: string): boolean;
  /**
   * Resolves when the answer is in the store.
   * @throws CodeBuddyError `…_not_found`, `…_resolved`, `validation_failed`
   */
  answer(id: string, answer: InboxAnswer): Promise<InboxItem>;
  /** Keeps the items of a run that continues, until it asks again. */
  reopen(items: readonly OpenItem[]): void;
  /** Drops the items of a run that has ended before it asked again. */
  forget(runId: string): void;
}

interface Pending {
  readonly request: WaitRequest;
  readonly settle: (answer: InboxAnswer) => void;
  /** An answer is being written. */
  isDecided: boolean;
}

interface Reopened {
  open: OpenItem;
  /** An answer is being written. */
  answering?: Promise<unknown> | undefined;
}

/** The ids of this many ended items are kept, to answer `…_resolved` instead of `…_not_found`. */
const keepResolved = 1000;

export function createWaitingRoom({
  log,
  now,
}: {
  readonly log: Pick<EventLog, 'append'>;
  readonly now: () => number;
}): WaitingRoom {
  const pending = new Map<string, Pending>();
  const reopened = new Map<string, Reopened>();
  const resolved = new Set<string>();

  function finish(id: string): void {
    pending.delete(id);
    reopened.delete(id);
    // Only the id is kept, since an item may be long.
    resolved.add(id);
    const [oldest] = resolved;
    if (resolved.size > keepResolved && oldest !== undefined) resolved.delete(oldest);
  }

  async function end({ open, beginWait, endWait }: WaitRequest, ending: Ending): Promise<void> {
    const event = endEvent(open.item, ending, open.hop);
    try {
      await log.append(event === undefined ? [] : [event], endWait(afterEnd(open, ending)));
    } catch (error) {
      // The store still has the run as waiting.
      beginWait(open, questionWrite(open));
      throw error;
    }
  }

  async function ask(request: WaitRequest): ReturnType<WaitingRoom['ask']> {
    const { open, signal } = request;
    const { id, expiresAt } = contentOf(open.item);
    const kept = reopened.get(id);
    await kept?.answering?.catch(() => undefined);
    if (kept?.open.answer !== undefined) {
      const { answer } = kept.open;
      await request.beforeAnswer?.(answer);
      // Before the tool runs, or a crash could run it twice.
      if (open.item.kind === 'permission')
        await log.append([], [afterEnd(open, { kind: 'answered', answer })]);
      finish(id);
      return { kind: 'answered', answer };
    }
    reopened.delete(id);
    const { promise, resolve, reject } =
      Promise.withResolvers<Extract<Ending, { kind: 'answered' | 'expired' }>>();
    // The run may be cancelled while the item is being written, before anything waits for the promise.
    promise.catch(() => undefined);
    const settle = (answer: InboxAnswer): void => resolve({ kind: 'answered', answer });
    pending.set(id, { request, settle, isDecided: false });
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    let stopTimer: (() => void) | undefined;
    try {
      // Logged before the item can be answered: in the log, no answer may come before its question.
      const events: readonly NewEvent[] = request.isReopened ? [] : [askEvent(open.item, open.hop)];
      await log.append(events, request.beginWait(open, questionWrite(open)));
      signal.throwIfAborted();
      if (expiresAt !== null) {
        stopTimer = startLongTimer({ at: Date.parse(expiresAt), now }, () => {
          if (pending.get(id)?.isDecided !== false) return;
          finish(id);
          end(request, { kind: 'expired' }).then(() => resolve({ kind: 'expired' }), reject);
        });
      }
      request.onAsked(open.item);
      return await promise;
    } catch (error) {
      if (signal.aborted && pending.has(id) && !request.isLeft()) {
        finish(id);
        await end(request, { kind: 'run_ended' });
      }
      throw error;
    } finally {
      stopTimer?.();
      signal.removeEventListener('abort', onAbort);
      pending.delete(id);
    }
  }

  function hasExpired(item: InboxItem): boolean {
    const { expiresAt } = contentOf(item);
    return expiresAt !== null && Date.parse(expiresAt) <= now();
  }

  /** The run has not asked again yet: the answer waits for it in the store. */
  async function answerEarly(kept: Reopened, answer: InboxAnswer): Promise<InboxItem> {
    const { open } = kept;
    const answered = { ...open, answer };
    const event = endEvent(open.item, { kind: 'answered', answer }, open.hop);
    const writing = log.append(event === undefined ? [] : [event], [questionWrite(answered)]);
    kept.answering = writing;
    try {
      await writing;
      kept.open = answered;
    } finally {
      kept.answering = undefined;
    }
    return answeredItem(open.item, answer);
  }

  return {
    ask,
    pending: () => [...pending.values()].map(({ request }) => request.open.item),
    knows: (id) => pending.has(id) || reopened.has(id) || resolved.has(id),
    async answer(id, answer) {
      const one = pending.get(id);
      const kept = reopened.get(id);
      const item = one?.request.open.item ?? kept?.open.item;
      if (item !== undefined && item.kind !== answer.kind) throw notFound(answer.kind, id);
      if (kept !== undefined && kept.answering === undefined && kept.open.answer === undefined) {
        // Its time ended while no process waited for it. Its run ends it soon.
        if (hasExpired(kept.open.item)) throw alreadyResolved(answer.kind, id);
        checkAnswer(kept.open.item, answer);
        return answerEarly(kept, answer);
      }
      if (one === undefined || one.isDecided) {
        if (item === undefined && !resolved.has(id)) throw notFound(answer.kind, id);
        throw alreadyResolved(answer.kind, id);
      }
      const { request, settle } = one;
      checkAnswer(request.open.item, answer);
      one.isDecided = true;
      try {
        await request.beforeAnswer?.(answer);
        await end(request, { kind: 'answered', answer });
      } catch (error) {
        // The answer is not in the log, so it does not count.
        one.isDecided = false;
        throw error;
      }
      finish(id);
      settle(answer);
      return answeredItem(request.open.item, answer);
    },
    reopen(items) {
      for (const open of items) reopened.set(contentOf(open.item).id, { open });
    },
    forget(runId) {
      for (const [id, { open }] of reopened) if (contentOf(open.item).runId === runId) finish(id);
    },
  };
}

/**
 * A permission is done with its decision. An answer or a result is kept until the commit of the call that it belongs to,
 * so that a crash in between loses nothing.
 */
function afterEnd(open: OpenItem, ending: Ending): Write {
  const { id, runId } = contentOf(open.item);
  if (open.item.kind === 'permission' || ending.kind !== 'answered')
    return { kind: 'deleteQuestions', runId, id };
  return questionWrite({ ...open, answer: ending.answer });
}

const nouns = { permission: 'Permission', question: 'Question', tool_call: 'Tool call' } as const;

export function notFound(kind: InboxKind, id: string): CodeBuddyError {
  return new CodeBuddyError(`${kind}_not_found`, `${nouns[kind]} ${id} not found.`);
}

export function alreadyResolved(kind: InboxKind, id: string): CodeBuddyError {
  const what = kind === 'permission' ? 'was already decided' : 'was already answered, or is no longer open';
  return new CodeBuddyError(`${kind}_resolved`, `${nouns[kind]} ${id} ${what}.`);
}
