// The transcript: everything that was sent to models in a session, turn by turn, so that a later run sends the same
// bytes again. Prompts, notes and answers are rows of `turns`; the result of a call is the message of its tool.
// Messages without a turn (of the offline agent, or of an earlier release) are converted to turns, always in the same
// way.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { makeId } from '../base/ids.ts';
import { isBlank } from '../base/text.ts';
import type { Part } from '../contract/part.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { MessageRow, Store, TurnRow, Write } from '../store/store.ts';
import { makeCallId } from './call-ids.ts';
import { readContent } from './message-record.ts';
import type { Steer } from './steer-queue.ts';

/** Data that a provider's package needs back unchanged with a part: signatures, item ids, encrypted reasoning. */
export type PartMetadata = Readonly<Record<string, unknown>>;

/** A part of an answer, in the model's order. */
export type SentPart =
  | { readonly type: 'text'; readonly text: string; readonly metadata?: PartMetadata }
  | { readonly type: 'reasoning'; readonly text: string; readonly metadata?: PartMetadata }
  | {
      readonly type: 'call';
      /** Unique in the session; valid for every provider. */
      readonly callId: string;
      readonly tool: string;
      readonly input: unknown;
      readonly metadata?: PartMetadata;
    };

/** An image, by the id of the file that has its bytes. */
export interface ImageRef {
  readonly fileId: string;
  readonly name: string;
}

/** A part of a prompt, as it is sent: the text of a file is in here, so that it is sent the same each time. */
export type SentInput =
  | { readonly type: 'text'; readonly text: string }
  | ({ readonly type: 'image' } & ImageRef);

export type NewTurn =
  | {
      readonly kind: 'prompt';
      readonly messageId: string;
      readonly text: string;
      readonly parts?: readonly SentInput[];
    }
  /** A message of the user beside the prompts: to the working run, or before the prompt. */
  | { readonly kind: 'message'; readonly messageId: string; readonly text: string }
  /** A message of the server to the model, in the role of the user. */
  | { readonly kind: 'note'; readonly text: string }
  /** One step. `model` is null if it is not known. */
  | {
      readonly kind: 'answer';
      readonly model: string | null;
      readonly parts: readonly SentPart[];
      /** The answer was interrupted: only the text that was shown is kept. */
      readonly isCutOff?: true;
    }
  /** Shorter texts that are sent instead of results from here on. */
  | { readonly kind: 'cut'; readonly results: readonly { readonly callId: string; readonly text: string }[] };

type Stored = { readonly id: string; readonly runId: string | null };
export type Turn = Exclude<NewTurn, { kind: 'cut' }> & Stored;
export type AnswerTurn = Extract<Turn, { kind: 'answer' }>;

export interface CallResult {
  readonly text: string;
  readonly isError: boolean;
  /** Images that the tool has read. */
  readonly images?: readonly ImageRef[];
}

export interface Transcript {
  /** Oldest first. */
  readonly turns: readonly Turn[];
  /** By call id. */
  readonly results: ReadonlyMap<string, CallResult>;
  /** Messages to the run `waitingOf` that it has not taken. They are not among the turns. */
  readonly waiting: readonly Steer[];
}

const pageSize = 500;

/** Reads the turns after the turn or message `after`, of the runs that `includes` accepts. */
export async function readTranscript(
  store: Pick<Store, 'listMessages' | 'listTurns'>,
  sessionId: string,
  {
    after,
    includes,
    whenRead,
    waitingOf,
  }: {
    readonly after?: string | undefined;
    readonly includes: (runId: string | null) => boolean;
    /** Awaited when everything was read, before `includes` is called. */
    readonly whenRead?: () => Promise<void>;
    readonly waitingOf?: string;
  },
): Promise<Transcript> {
  const place = after === undefined ? undefined : placeOf(after);
  const [messages, rows] = await Promise.all([
    readAll((page) => store.listMessages(sessionId, page), place === undefined ? undefined : `msg_${place}`),
    readAll((page) => store.listTurns(sessionId, page), place === undefined ? undefined : `trn_${place}`),
  ]);
  await whenRead?.();
  const stored = rows.filter(({ runId }) => includes(runId)).map(readTurn);
  /** Messages that a turn holds. */
  const held = new Set<string>();
  const calls = new Set<string>();
  const cuts = new Map<string, string>();
  for (const { turn } of stored) {
    if (turn.kind === 'prompt' || turn.kind === 'message') held.add(turn.messageId);
    if (turn.kind === 'answer')
      for (const part of turn.parts) if (part.type === 'call') calls.add(part.callId);
    if (turn.kind === 'cut') for (const { callId, text } of turn.results) cuts.set(callId, text);
  }

  const results = new Map<string, CallResult>();
  const waiting: Steer[] = [];
  const items: (Stored & { readonly turn?: NewTurn; readonly row?: MessageRow })[] = [];
  for (const row of messages) {
    if (!includes(row.runId) || held.has(row.id)) continue;
    const { content, tool, sent, parts, via } = readContent(row);
    if (tool?.callId !== undefined && calls.has(tool.callId)) {
      const text = cuts.get(tool.callId) ?? content;
      const images = imagesOf(parts);
      results.set(tool.callId, { text, isError: tool.isError, ...(images.length === 0 ? {} : { images }) });
    } else if (via === 'steer' && row.runId === waitingOf) waiting.push({ messageId: row.id, text: content });
    else if (sent !== true) items.push({ id: row.id, runId: row.runId, row });
  }
  for (const { id, runId, turn } of stored) if (turn.kind !== 'cut') items.push({ id, runId, turn });

  const turns: Turn[] = [];
  for (const { id, runId, turn, row } of inRunOrder(items)) {
    if (row !== undefined) addMessage(turns, results, row, calls);
    else if (turn !== undefined && turn.kind !== 'cut') turns.push({ ...turn, id, runId });
  }
  return { turns, results, waiting };
}

/**
 * Adds a message without a turn. A tool's message becomes a step of its own: whether the step had other calls is not
 * known.
 */
function addMessage(
  turns: Turn[],
  results: Map<string, CallResult>,
  row: MessageRow,
  calls: ReadonlySet<string>,
): void {
  const { id, runId, role } = row;
  const { content, tool, parts, via } = readContent(row);
  if (role === 'user') {
    if (isBlank(content)) return;
    const message = { id, runId, messageId: id, text: content };
    const sent = (parts ?? []).map(withoutFile);
    turns.push(
      via === undefined
        ? { kind: 'prompt', ...message, ...(sent.length === 0 ? {} : { parts: sent }) }
        : { kind: 'message', ...message },
    );
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
  // Text right before a call belongs to the same answer.
  if (isText && last.runId === runId) turns[turns.length - 1] = { ...last, id, parts: [...last.parts, call] };
  else turns.push({ kind: 'answer', id, runId, model: null, parts: [call] });
}

export function imagesOf(parts: readonly Part[] | undefined): readonly ImageRef[] {
  return (parts ?? []).flatMap(({ type, fileId = '', name = '' }) =>
    type === 'image' ? [{ fileId, name }] : [],
  );
}

/** For the prompt of a run that never began: the text of its files was not read. */
function withoutFile({ type, text = '', fileId = '', name = '' }: Part): SentInput {
  if (type === 'image') return { type, fileId, name };
  return { type: 'text', text: type === 'text' ? text : `[The file ${JSON.stringify(name)}]` };
}

/** The part of an id by which ids of all kinds sort: what follows the prefix. */
export function placeOf(id: string): string {
  return id.slice(4);
}

/**
 * Groups the items by run, in the order in which the runs began: a queued prompt is stored among the items of the run
 * before it. Items without a run stay with their neighbours.
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
    // Yields to the event loop: a long session must not block other work.
    await nextTurn();
  }
}

function readTurn({ id, runId, content }: TurnRow): Stored & { readonly turn: NewTurn } {
  // Only `turnWrite` writes the column, as JSON of this shape.
  return { id, runId, turn: parseRowJson('turns', id, content) };
}

/** A turn of a run, as the write that adds it. */
export function turnWrite(
  { id: runId, sessionId }: { readonly id: string; readonly sessionId: string },
  turn: NewTurn,
  now: number,
): { readonly write: Write; readonly id: string } {
  const id = makeId('trn', now);
  return { id, write: { kind: 'addTurn', turn: { id, sessionId, runId, content: JSON.stringify(turn) } } };
}
