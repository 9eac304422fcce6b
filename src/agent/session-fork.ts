// The messages of a session copied to a new one. A long session is written page by page to a draft that nobody sees, so that no commit
// holds up everything else; then the copy is there at once, in one commit with its event, or not at all.

import { CodeBuddyError } from '../errors.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import type { MessageRow, SessionRow, Store, Write } from '../store/store.ts';
import type { Summary } from './driver.ts';
import { byRun } from './history.ts';
import { readPages } from './session-pages.ts';
import type { Message } from './types.ts';

export interface CopyPlan {
  /** Of the session that is copied. */
  readonly from: string;
  /** The id that each message gets; they sort in the order of the copy. */
  readonly newIds: ReadonlyMap<string, string>;
  /** True if it takes more than one page. */
  readonly isLong: boolean;
  /** The last message that is copied; undefined if there is none. */
  readonly last: string | undefined;
  /** What the summary is in the copy; undefined if it stands for other messages than those that come first there. */
  readonly carryOver: (summary: Summary) => Summary | undefined;
}

/**
 * Up to and including a message; default: all that there is now. In the order in which a model reads them: each run's together, since
 * a copy knows no runs. Any place is fit for a cut: a tool's message holds the call and its result.
 * @throws CodeBuddyError `validation_failed` if the session has no such message
 */
export async function planCopy(
  store: Pick<Store, 'listMessages'>,
  { from, upTo, now }: { readonly from: string; readonly upTo: string | undefined; readonly now: number },
): Promise<CopyPlan> {
  const kept: Message[] = [];
  let isLong = false;
  for await (const rows of readPages(store, from)) {
    const index = upTo === undefined ? -1 : rows.findIndex(({ id }) => id === upTo);
    isLong ||= kept.length > 0;
    kept.push(...rows.slice(0, index === -1 ? rows.length : index + 1).map(withoutContent));
    if (index !== -1) break;
  }
  const last = kept.at(-1)?.id;
  if (upTo !== undefined && last !== upTo) throw noSuchMessage(from, upTo);
  const order = byRun(kept).map(({ id }) => id);
  const newIds = new Map(order.map((id) => [id, makeId('msg', now)]));
  return {
    from,
    newIds,
    isLong,
    last,
    carryOver({ text, until }) {
      const end = order.indexOf(until);
      const newId = newIds.get(until);
      const standsForTheFirst = kept[end]?.id === until && order.slice(0, end).every((id) => id < until);
      return newId !== undefined && standsForTheFirst ? { text, until: newId } : undefined;
    },
  };
}

/** Writes the session, its messages and the event. @throws CodeBuddyError `session_not_found` if it was deleted meanwhile */
export async function writeCopy(
  { store, log }: { readonly store: Store; readonly log: EventLog },
  plan: CopyPlan,
  session: SessionRow,
): Promise<void> {
  const event: NewEvent = {
    type: 'session.start',
    data: { title: session.title },
    sessionId: session.id,
  };
  if (!plan.isLong) {
    const writes: Write[] = [];
    for await (const page of copies(store, plan, session.id)) writes.push(...page);
    await log.append([event], [{ kind: 'putSession', session }, ...writes]);
    return;
  }
  await store.write([{ kind: 'draftSession', session }]);
  try {
    for await (const page of copies(store, plan, session.id)) await store.write(page);
    await log.append([event], [{ kind: 'publishSession', id: session.id }]);
  } catch (error) {
    // If the store takes nothing now, the draft goes when it is opened the next time. What is told is why the copy failed.
    await store.write([{ kind: 'deleteSession', id: session.id }]).catch(() => undefined);
    throw error;
  }
}

async function* copies(
  store: Pick<Store, 'listMessages'>,
  { from, newIds }: CopyPlan,
  sessionId: string,
): AsyncGenerator<readonly Write[], void, undefined> {
  let missing = newIds.size;
  for await (const rows of readPages(store, from)) {
    const page = rows.flatMap((row): Write[] => {
      const id = newIds.get(row.id);
      return id === undefined
        ? []
        : [{ kind: 'addMessage', message: { ...row, id, sessionId, runId: null } }];
    });
    missing -= page.length;
    if (page.length > 0) yield page;
    if (missing === 0) return;
  }
  if (missing > 0)
    throw new CodeBuddyError('session_not_found', `Session ${from} was deleted while it was copied.`);
}

/** A plan of a long session must not hold all that was said in it. */
function withoutContent({ id, sessionId, runId, role }: MessageRow): Message {
  return { id, sessionId, runId, role, content: '', createdAt: '' };
}

function noSuchMessage(sessionId: string, id: string): CodeBuddyError {
  const message = `must be the id of a message of session ${sessionId}, as in GET /api/sessions/${sessionId}/messages; ${JSON.stringify(id)} is none`;
  return new CodeBuddyError('validation_failed', `messageId ${message}.`, {
    errors: [{ in: 'body', pointer: '/messageId', message }],
  });
}
