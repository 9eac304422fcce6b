// Sessions and their messages: rows in the store, and the events that tell of them in the same transaction.

import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { cutHead, isBlank, wellFormed, wellFormedDeep } from '../base/text.ts';
import { version } from '../base/version.ts';
import type { Message, ToolUse } from '../contract/message.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import type { ExportFormat, Session, SessionFork, SessionInput } from '../contract/session.ts';
import type { EventLog } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import { shownPast } from '../events/shown-time.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { MessageRow, SessionRow, Store } from '../store/store.ts';
import { type MessageContent, toMessage } from './history.ts';
import { type ExportedSession, exportAsJson, exportAsMarkdown } from './session-export.ts';
import { planCopy, writeCopy } from './session-fork.ts';
import { readSessionMemory, type SessionMemory } from './session-memory.ts';

export interface SessionServiceOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly now: () => number;
  /** Does the session have a run that has not ended? */
  readonly isBusy: (id: string) => boolean;
}

export interface Sessions {
  list(page: PageRequest): Promise<Page<Session>>;
  create(input: SessionInput): Promise<Session>;
  get(id: string): Promise<Session | undefined>;
  update(id: string, patch: SessionInput): Promise<Session>;
  delete(id: string): Promise<void>;
  /** A new session with the messages up to and including one; default: all. */
  fork(id: string, input: SessionFork): Promise<Session>;
  export(id: string, format: ExportFormat): Promise<ExportedSession>;
  messages(id: string, page: PageRequest): Promise<Page<Message>>;
}

interface Details {
  readonly model: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly forkedFrom?: Session['forkedFrom'];
  readonly memory?: Partial<SessionMemory>;
}

/** A list of sessions has all of their metadata. */
const maxMetadataBytes = 65_536;

export const untitled = 'New session';
const maxTitleCharacters = 60;

export function newSessionRow(title: string, metadata: Record<string, unknown>, now: number): SessionRow {
  const details: Details = { model: null, metadata };
  return { id: makeId('ses', now), title, createdAt: now, updatedAt: now, details: JSON.stringify(details) };
}

/** UTF-16 units of a prompt that are read for its title. */
const longestTitleSource = 4096;

/** A title from a prompt: its first words, on one line. */
export function titleFrom(prompt: string): string {
  const start = wellFormed(prompt.trimStart().slice(0, longestTitleSource));
  const line = start.trimEnd().split(/\s+/u).join(' ');
  if (isBlank(line)) return untitled;
  const characters = [...line];
  if (characters.length <= maxTitleCharacters) return line;
  return `${cutHead(line, characters.slice(0, maxTitleCharacters - 1).join('').length)}…`;
}

export function newMessageRow(
  message: {
    sessionId: string;
    runId: string | null;
    role: Message['role'];
    content: string;
    tool?: ToolUse;
    /** True if an entry of the transcript holds this text. */
    sent?: boolean;
    incomplete?: true;
  },
  now: number,
): MessageRow {
  const { sessionId, runId, role, content, tool, sent, incomplete } = message;
  const stored: MessageContent = {
    content,
    ...(tool === undefined ? {} : { tool }),
    ...(sent === true ? { sent } : {}),
    ...(incomplete === undefined ? {} : { incomplete }),
  };
  return {
    id: makeId('msg', now),
    sessionId,
    runId,
    role,
    createdAt: now,
    content: JSON.stringify(stored),
  };
}

export function createSessions({ store, log, now, isBusy }: SessionServiceOptions): Sessions {
  const notFound = (id: string): CodeBuddyError =>
    new CodeBuddyError('session_not_found', `There is no session ${id}.`);

  async function find(id: string): Promise<SessionRow> {
    const row = await store.getSession(id);
    if (row === undefined) throw notFound(id);
    return row;
  }

  async function present(rows: readonly SessionRow[]): Promise<Session[]> {
    const counts = await store.countMessages(rows.map(({ id }) => id));
    return rows.map((row) => ({
      id: row.id,
      title: row.title,
      status: isBusy(row.id) ? 'running' : 'idle',
      ...viewDetails(row),
      messageCount: counts.get(row.id) ?? 0,
      createdAt: shownPast(row.createdAt, now()),
      updatedAt: shownPast(row.updatedAt, now()),
    }));
  }

  async function presentOne(row: SessionRow): Promise<Session> {
    const [session] = await present([row]);
    return session as Session;
  }

  /** Changes of one session, one after the other: together they must not pass a limit that each of them keeps. */
  const changing = new Map<string, Promise<unknown>>();
  async function inTurn<T>(id: string, change: () => Promise<T>): Promise<T> {
    const before = changing.get(id) ?? Promise.resolve();
    const mine = before.then(change, change);
    changing.set(id, mine);
    try {
      return await mine;
    } finally {
      if (changing.get(id) === mine) changing.delete(id);
    }
  }

  return {
    async list({ limit, after }) {
      const rows = await store.listSessions({
        limit: limit + 1,
        maxText: maxPageText,
        ...(after === undefined ? {} : { beforeId: after }),
      });
      return toPage(await present(rows.slice(0, limit)), rows.length > limit || isCutByText(rows));
    },
    async create(input) {
      const { title = untitled, metadata = {} } = wellFormedDeep(input);
      requireRoomFor(metadata);
      const session = newSessionRow(title, metadata, now());
      await log.append(
        [{ type: 'session.start', data: { title }, sessionId: session.id }],
        [{ kind: 'putSession', session }],
      );
      return presentOne(session);
    },
    async get(id) {
      const row = await store.getSession(id);
      return row === undefined ? undefined : presentOne(row);
    },
    update: (id, patch) =>
      inTurn(id, async () => {
        const row = await find(id);
        const { title, metadata } = wellFormedDeep(patch);
        if (metadata !== undefined) requireRoomFor(mergePatch(readDetails(row).metadata, metadata));
        const details = JSON.stringify(metadata === undefined ? {} : { metadata });
        await store.write([
          { kind: 'patchSession', id, updatedAt: now(), details, ...(title === undefined ? {} : { title }) },
        ]);
        return presentOne(await find(id));
      }),
    async delete(id) {
      await find(id);
      if (isBusy(id)) {
        throw new CodeBuddyError('session_busy', `Session ${id} has an unfinished run; cancel it first.`);
      }
      await log.append(
        [{ type: 'session.end', data: { reason: 'deleted' }, sessionId: id }],
        [{ kind: 'deleteSession', id }],
      );
    },
    async fork(id, { messageId, title }) {
      const row = await find(id);
      const at = now();
      const plan = await planCopy(store, { from: id, upTo: messageId, now: at });
      const { model, metadata } = readDetails(row);
      const { summary } = readSessionMemory(row);
      const carried = summary === undefined ? undefined : plan.carryOver(summary);
      // What it has cost, and what it may do without asking, is not copied.
      const details: Details = {
        model,
        metadata,
        ...(plan.last === undefined ? {} : { forkedFrom: { sessionId: id, messageId: plan.last } }),
        ...(carried === undefined ? {} : { memory: { summary: carried } }),
      };
      const session: SessionRow = {
        id: makeId('ses', at),
        title: title === undefined ? row.title : wellFormed(title),
        createdAt: at,
        updatedAt: at,
        details: JSON.stringify(details),
      };
      await writeCopy({ store, log }, plan, session);
      return presentOne(session);
    },
    async export(id, format) {
      const session = await presentOne(await find(id));
      return format === 'markdown'
        ? exportAsMarkdown(store, session)
        : exportAsJson(store, session, { exportedAt: new Date(now()).toISOString(), version });
    },
    async messages(id, { limit, after }) {
      await find(id);
      const rows = await store.listMessages(id, {
        limit: limit + 1,
        maxText: maxPageText,
        ...(after === undefined ? {} : { afterId: after }),
      });
      return toPage(
        rows.slice(0, limit).map((row) => toMessage(row, now())),
        rows.length > limit || isCutByText(rows),
      );
    },
  };
}

/** @throws CodeBuddyError `validation_failed` */
function requireRoomFor(metadata: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= maxMetadataBytes) return;
  const message = `must be at most ${maxMetadataBytes} bytes of JSON; it would be ${bytes}`;
  throw new CodeBuddyError('validation_failed', `metadata ${message}.`, {
    errors: [{ in: 'body', pointer: '/metadata', message }],
  });
}

/** RFC 7396 §2. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged = new Map(isRecord(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

export function toPage<T extends { readonly id: string }>(items: readonly T[], hasMore: boolean): Page<T> {
  const last = items.at(-1);
  return hasMore && last !== undefined ? { items, next: last.id } : { items };
}

function viewDetails(row: SessionRow): Pick<Session, 'model' | 'metadata' | 'forkedFrom' | 'usage' | 'cost'> {
  const { usage, cost } = readSessionMemory(row);
  const { model, metadata, forkedFrom = null } = readDetails(row);
  return { model, metadata, forkedFrom, usage, cost };
}

/** Written by us, as JSON of this shape. */
function readDetails(row: SessionRow): Details {
  return parseRowJson<Details>('sessions', row.id, row.details);
}
