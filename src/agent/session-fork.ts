// Copies the messages of a session to a new one. A long session is written page by page to a hidden draft, so that no
// commit blocks others for long. The copy then appears in one commit with its event, or not at all.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { SessionRow, Store, TurnRow, Write } from '../store/store.ts';
import type { Summary } from './driver.ts';
import { readPages, readTurnPages } from './session-pages.ts';
import { inRunOrder, type NewTurn, placeOf } from './transcript.ts';

export interface CopyPlan {
  /** The id of the copied session. */
  readonly from: string;
  /** New ids by old ones, of messages and turns; they sort in the order of the copy. */
  readonly newIds: ReadonlyMap<string, string>;
  readonly messageCount: number;
  /** True if the copy takes more than one page. */
  readonly isLong: boolean;
  /** The id of the last copied message; undefined if there is none. */
  readonly last: string | undefined;
  /** The summary for the copy; undefined if it does not summarize the first messages of the copy. */
  readonly carryOver: (summary: Summary) => Summary | undefined;
}

/**
 * Plans to copy up to and including the message `upTo`, or all current messages. They are copied in the order in which
 * a model reads them, the messages of each run together, since a copy has no runs. The transcript is copied too, so
 * that a copy is sent to models as the original was. The copy may end anywhere: a call that loses its result is closed
 * when it is sent.
 * @throws CodeBuddyError `validation_failed` if the session has no such message
 */
export async function planCopy(
  store: Pick<Store, 'listMessages' | 'listTurns'>,
  { from, upTo, now }: { readonly from: string; readonly upTo: string | undefined; readonly now: number },
): Promise<CopyPlan> {
  // Only ids: the plan of a long session must not hold its text in memory.
  const kept: { readonly id: string; readonly runId: string | null }[] = [];
  let isLong = false;
  for await (const rows of readPages(store, from)) {
    const index = upTo === undefined ? -1 : rows.findIndex(({ id }) => id === upTo);
    isLong ||= kept.length > 0;
    const page = rows.slice(0, index === -1 ? rows.length : index + 1);
    kept.push(...page.map(({ id, runId }) => ({ id, runId })));
    if (index !== -1) break;
  }
  const last = kept.at(-1)?.id;
  if (upTo !== undefined && last !== upTo) throw noSuchMessage(from, upTo);
  if (last !== undefined) {
    for await (const rows of readTurnPages(store, from)) {
      const page = rows.filter(({ id }) => placeOf(id) <= placeOf(last));
      kept.push(...page.map(({ id, runId }) => ({ id, runId })));
      if (page.length < rows.length) break;
    }
  }
  const messageCount = kept.filter(({ id }) => !id.startsWith('trn_')).length;
  const order = inRunOrder(kept).map(({ id }) => id);
  const newIds = new Map(order.map((id) => [id, makeId(id.startsWith('trn_') ? 'trn' : 'msg', now)]));
  return {
    from,
    newIds,
    messageCount,
    isLong,
    last,
    carryOver({ text, until }) {
      const end = order.indexOf(until);
      const newId = newIds.get(until);
      const standsForTheFirst = order.slice(0, end).every((id) => placeOf(id) < placeOf(until));
      return newId !== undefined && standsForTheFirst ? { text, until: newId } : undefined;
    },
  };
}

/**
 * Writes the session, its messages and the event.
 * @throws CodeBuddyError `session_not_found` if the original was deleted meanwhile
 */
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
    // If this fails too, the draft is deleted at the next start. The first error has the reason.
    await store.write([{ kind: 'deleteSession', id: session.id }]).catch(() => undefined);
    throw error;
  }
}

async function* copies(
  store: Pick<Store, 'listMessages' | 'listTurns'>,
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
    if (page.length < rows.length) break;
  }
  if (missing === 0) return;
  for await (const rows of readTurnPages(store, from)) {
    const page = rows.flatMap((row): Write[] => {
      const id = newIds.get(row.id);
      const content = withNewIds(row, newIds);
      return id === undefined ? [] : [{ kind: 'addTurn', turn: { id, sessionId, runId: null, content } }];
    });
    missing -= page.length;
    if (page.length > 0) yield page;
    if (missing === 0) return;
  }
  if (missing > 0)
    throw new CodeBuddyError('session_not_found', `Session ${from} was deleted while it was copied.`);
}

/** The turn of a prompt, or of another message of the user, names its message. */
function withNewIds({ id, content }: TurnRow, newIds: ReadonlyMap<string, string>): string {
  const turn = parseRowJson<NewTurn>('turns', id, content);
  if (turn.kind !== 'prompt' && turn.kind !== 'message') return content;
  return JSON.stringify({ ...turn, messageId: newIds.get(turn.messageId) ?? '' });
}

function noSuchMessage(sessionId: string, id: string): CodeBuddyError {
  const message = `must be the id of a message of session ${sessionId} (GET /api/sessions/${sessionId}/messages); ${JSON.stringify(id)} is not`;
  return new CodeBuddyError('validation_failed', `messageId ${message}.`, {
    errors: [{ in: 'body', pointer: '/messageId', message }],
  });
}
