// The messages of a session as one list: all pages, and each run's messages together, since prompts that were queued lie among the
// messages of the run before.

import { shownPast } from '../events/shown-time.ts';
import type { MessageRow, Store } from '../store/store.ts';
import type { Message, ToolUse } from './types.ts';

const pageSize = 500;

/** After `afterId`, if it is given; oldest first, as they were kept. */
export async function readMessages(
  store: Pick<Store, 'listMessages'>,
  sessionId: string,
  after?: string,
): Promise<readonly Message[]> {
  const all: Message[] = [];
  let afterId = after;
  for (;;) {
    const rows = await store.listMessages(sessionId, {
      limit: pageSize,
      ...(afterId === undefined ? {} : { afterId }),
    });
    all.push(...rows.map((row) => toMessage(row)));
    afterId = rows.at(-1)?.id;
    if (rows.length < pageSize) return all;
    // A long session must not hold up everything else.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Each run's messages together, in the order in which the runs began. */
export function byRun(messages: readonly Message[]): readonly Message[] {
  const groups = new Map<string, Message[]>();
  let loose = 0;
  let last: string | null | undefined;
  for (const message of messages) {
    if (message.runId === null && last !== null) loose++;
    const key = message.runId ?? `loose ${loose}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [message]);
    else group.push(message);
    last = message.runId;
  }
  return [...groups.values()].flat();
}

/** Written by us, as JSON of this shape. */
export function toMessage(row: MessageRow, now = Date.now()): Message {
  const content = JSON.parse(row.content) as { content: string; tool?: ToolUse };
  return {
    id: row.id,
    sessionId: row.sessionId,
    runId: row.runId,
    role: row.role,
    ...content,
    createdAt: shownPast(row.createdAt, now),
  };
}
