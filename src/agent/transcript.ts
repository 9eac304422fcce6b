// What was sent to models in a session, entry by entry, so that a later run sends the same bytes again. Prompts, notes and answers are
// rows of `turns`; the result of a call is the message of its tool. Messages that no entry holds (of the offline agent, or of an earlier
// release) are turned into entries, always the same way.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { isBlank } from '../base/text.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { MessageRow, Store, TurnRow } from '../store/store.ts';
import { makeCallId } from './call-ids.ts';
import { readContent } from './message-record.ts';

/** What a provider's package wants back with a part, untouched: signatures, item ids, encrypted reasoning. */
export type PartMetadata = Readonly<Record<string, unknown>>;

/** A part of an answer, in the order in which the model gave it. */
export type SentPart =
  | { readonly type: 'text'; readonly text: string; readonly metadata?: PartMetadata }
  | { readonly type: 'reasoning'; readonly text: string; readonly metadata?: PartMetadata }
  | {
      readonly type: 'call';
      /** Unique in the session; fits the rules of every provider. */
      readonly callId: string;
      readonly tool: string;
      readonly input: unknown;
      readonly metadata?: PartMetadata;
    };

export type NewTurn =
  | { readonly kind: 'prompt'; readonly messageId: string; readonly text: string }
  /** Told to the model by the server, in the role of the user. */
  | { readonly kind: 'note'; readonly text: string }
  /** One step. `model` is null if it is not known. */
  | {
      readonly kind: 'answer';
      readonly model: string | null;
      readonly parts: readonly SentPart[];
      /** It was cut off: only the text that was shown is kept. */
      readonly isCutOff?: true;
    }
  /** Results that were too long after all: from here on these texts are sent in their place. */
  | { readonly kind: 'cut'; readonly results: readonly { readonly callId: string; readonly text: string }[] };

type Stored = { readonly id: string; readonly runId: string | null };
export type Turn = Exclude<NewTurn, { kind: 'cut' }> & Stored;
export type AnswerTurn = Extract<Turn, { kind: 'answer' }>;

export interface CallResult {
  readonly text: string;
  readonly isError: boolean;
}

export interface Transcript {
  /** Oldest first. */
  readonly turns: readonly Turn[];
  /** By call id. */
  readonly results: ReadonlyMap<string, CallResult>;
}

const pageSize = 500;

/** After the entry or message `after`, if it is given; only of the runs that `includes` takes. */
export async function readTranscript(
  store: Pick<Store, 'listMessages' | 'listTurns'>,
  sessionId: string,
  {
    after,
    includes,
  }: { readonly after?: string | undefined; readonly includes: (runId: string | null) => boolean },
): Promise<Transcript> {
  const place = after === undefined ? undefined : placeOf(after);
  const [messages, rows] = await Promise.all([
    readAll((page) => store.listMessages(sessionId, page), place === undefined ? undefined : `msg_${place}`),
    readAll((page) => store.listTurns(sessionId, page), place === undefined ? undefined : `trn_${place}`),
  ]);
  const entries = rows.filter(({ runId }) => includes(runId)).map(toEntry);
  const held = new Set<string>();
  const calls = new Set<string>();
  const cuts = new Map<string, string>();
  for (const { entry } of entries) {
    if (entry.kind === 'prompt') held.add(entry.messageId);
    if (entry.kind === 'answer')
      for (const part of entry.parts) if (part.type === 'call') calls.add(part.callId);
    if (entry.kind === 'cut') for (const { callId, text } of entry.results) cuts.set(callId, text);
  }

  const results = new Map<string, CallResult>();
  const items: (Stored & { readonly entry?: NewTurn; readonly row?: MessageRow })[] = [];
  for (const row of messages) {
    if (!includes(row.runId) || held.has(row.id)) continue;
    const { content, tool, sent } = readContent(row);
    if (tool?.callId !== undefined && calls.has(tool.callId)) {
      const text = cuts.get(tool.callId) ?? content;
      results.set(tool.callId, { text, isError: tool.isError });
    } else if (sent !== true) items.push({ id: row.id, runId: row.runId, row });
  }
  for (const { id, runId, entry } of entries) if (entry.kind !== 'cut') items.push({ id, runId, entry });

  const turns: Turn[] = [];
  for (const { id, runId, entry, row } of inRunOrder(items)) {
    if (row !== undefined) addMessage(turns, results, row, calls);
    else if (entry !== undefined && entry.kind !== 'cut') turns.push({ ...entry, id, runId });
  }
  return { turns, results };
}

/** A message that no entry holds. A tool's message is a step of its own: whether it had others beside it is not known. */
function addMessage(
  turns: Turn[],
  results: Map<string, CallResult>,
  row: MessageRow,
  calls: ReadonlySet<string>,
): void {
  const { id, runId, role } = row;
  const { content, tool } = readContent(row);
  if (role === 'user') {
    if (!isBlank(content)) turns.push({ kind: 'prompt', id, runId, messageId: id, text: content });
    return;
  }
  if (tool === undefined) {
    if (!isBlank(content))
      turns.push({ kind: 'answer', id, runId, model: null, parts: [{ type: 'text', text: content }] });
    return;
  }
  const callId = makeCallId(id, (taken) => results.has(taken) || calls.has(taken));
  results.set(callId, { text: content, isError: tool.isError });
  const call: SentPart = { type: 'call', callId, tool: tool.name, input: tool.params };
  const last = turns.at(-1);
  const isText =
    last?.kind === 'answer' && last.model === null && last.parts.every(({ type }) => type === 'text');
  // What was said right before a call was said with it.
  if (isText && last.runId === runId) turns[turns.length - 1] = { ...last, id, parts: [...last.parts, call] };
  else turns.push({ kind: 'answer', id, runId, model: null, parts: [call] });
}

/** Ids of all kinds sort by what follows their prefix. */
export function placeOf(id: string): string {
  return id.slice(4);
}

/**
 * Each run's items together, in the order in which the runs began, since prompts that were queued lie among the items of the run before.
 * Items without a run stay with their neighbours.
 */
export function inRunOrder<T extends Stored>(items: readonly T[]): readonly T[] {
  const sorted = [...items].sort((left, right) => (placeOf(left.id) < placeOf(right.id) ? -1 : 1));
  const groups = new Map<string, T[]>();
  let loose = 0;
  let last: string | null | undefined;
  for (const item of sorted) {
    if (item.runId === null && last !== null) loose++;
    const key = item.runId ?? `loose ${loose}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
    last = item.runId;
  }
  return [...groups.values()].flat();
}

async function readAll<T extends { readonly id: string; readonly content: string }>(
  read: (page: { limit: number; maxText: number; afterId?: string }) => Promise<readonly T[]>,
  after: string | undefined,
): Promise<readonly T[]> {
  const all: T[] = [];
  let afterId = after;
  for (;;) {
    const rows = await read({
      limit: pageSize,
      maxText: maxPageText,
      ...(afterId === undefined ? {} : { afterId }),
    });
    all.push(...rows);
    afterId = rows.at(-1)?.id;
    if (rows.length < pageSize && !isCutByText(rows)) return all;
    // A long session must not hold up everything else.
    await nextTurn();
  }
}

function toEntry({ id, runId, content }: TurnRow): Stored & { readonly entry: NewTurn } {
  // Written by this module, as JSON of this shape.
  return { id, runId, entry: parseRowJson('turns', id, content) };
}
