// Sessions and their messages. Each change is one commit of the rows and the events about them.

import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { wellFormed, wellFormedDeep } from '../base/text.ts';
import { version } from '../base/version.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import type { McpServer } from '../contract/mcp-server.ts';
import type { Message } from '../contract/message.ts';
import type { OrderedPageRequest, Page, PageRequest } from '../contract/page.ts';
import { unfinishedRunStatuses } from '../contract/run.ts';
import type {
  ExportFormat,
  Session,
  SessionFilter,
  SessionFork,
  SessionInput,
  SessionPatch,
  SessionServersInput,
} from '../contract/session.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { requireRoomFor } from '../store/metadata-limit.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import { sessionBusy } from '../store/session-busy.ts';
import type { SessionRow, Store, Write } from '../store/store.ts';
import type { Agents } from './agents.ts';
import { toPage } from './list-page.ts';
import type { SessionServers } from './mcp/session-servers.ts';
import { newMessageRow, toMessage } from './message-record.ts';
import { type SearchMessages, searchMessages } from './search-messages.ts';
import { type ExportedSession, exportAsJson, exportAsMarkdown } from './session-export.ts';
import { planCopy, writeCopy } from './session-fork.ts';
import { readSessionMemory } from './session-memory.ts';
import {
  agentOf,
  newSessionRow,
  readSessionDetails,
  sessionNotFound,
  toSession,
  untitled,
} from './session-record.ts';
import { requireText } from './steering.ts';
import { placeIn, type Spaces } from './workspaces/spaces.ts';
import type { Worktrees } from './workspaces/worktrees.ts';

export interface SessionServiceOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly now: () => number;
  readonly agents: Pick<Agents, 'forNewSession'>;
  readonly mcpServers: Pick<SessionServers, 'set' | 'remove' | 'describe'>;
  /** The workspace of the server. */
  readonly workspace: string;
  readonly spaces: Pick<Spaces, 'plan'>;
  readonly worktrees: Pick<Worktrees, 'end'> | undefined;
  /** True if the session has a run that has not ended. */
  readonly isBusy: (id: string) => boolean;
  /** Whether other nodes work on the store, too: then the store knows which sessions are busy. @default false */
  readonly isShared?: boolean;
}

export interface Sessions {
  list(page: PageRequest & SessionFilter): Promise<Page<Session>>;
  create(input: SessionInput): Promise<Session>;
  get(id: string): Promise<Session | undefined>;
  /** The session that got this name last. */
  named(name: string): Promise<Session | undefined>;
  update(id: string, patch: SessionPatch): Promise<Session>;
  delete(id: string): Promise<void>;
  /** Copies a session up to and including a message. @default all messages */
  fork(id: string, input: SessionFork): Promise<Session>;
  export(id: string, format: ExportFormat): Promise<ExportedSession>;
  messages(id: string, page: OrderedPageRequest): Promise<Page<Message>>;
  /** The MCP servers that only this session has. @throws CodeBuddyError `session_not_found` */
  listMcpServers(id: string): Promise<readonly McpServer[]>;
  /** Messages with all words of a text, newest first; see `searchMessages`. */
  search: SearchMessages;
  /**
   * Adds a message of the user without a run; the next run sees it.
   * @throws CodeBuddyError `session_not_found`, `validation_failed`, `not_supported_by_agent`
   */
  addMessage(id: string, text: string, hop?: number): Promise<Message>;
  /**
   * Replaces the MCP servers that only this session has; see `SessionServers.set`.
   * @throws CodeBuddyError `session_not_found`, `not_supported_by_agent`, `validation_failed`, `insufficient_scope`
   */
  setMcpServers(
    id: string,
    servers: SessionServersInput['mcpServers'],
    rights: { readonly mayStartPrograms: boolean },
  ): Promise<void>;
}

export function createSessions({
  store,
  log,
  now,
  agents,
  mcpServers,
  workspace,
  spaces,
  worktrees,
  isBusy,
  isShared = false,
}: SessionServiceOptions): Sessions {
  async function find(id: string): Promise<SessionRow> {
    const row = await store.getSession(id);
    if (row === undefined) throw sessionNotFound(id);
    return row;
  }

  async function present(rows: readonly SessionRow[]): Promise<Session[]> {
    const ids = rows.map(({ id }) => id);
    const [counts, busy] = await Promise.all([
      store.countMessages(ids),
      isShared ? store.sessionsWithRuns(ids, unfinishedRunStatuses) : undefined,
    ]);
    return rows.map((row) =>
      toSession(row, {
        messageCount: counts.get(row.id) ?? 0,
        isBusy: isBusy(row.id) || busy?.has(row.id) === true,
        now: now(),
        workspace,
      }),
    );
  }

  async function presentOne(row: SessionRow): Promise<Session> {
    const [session] = await present([row]);
    return session as Session;
  }

  /** Without a read: if it failed, a request that took effect would be answered by an error. */
  function presentNew(row: SessionRow, messageCount: number): Session {
    return toSession(row, { messageCount, isBusy: false, now: now(), workspace });
  }

  /** Runs changes of one session one after the other: together they could exceed a limit that each of them keeps. */
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

  /** Ends the worktree of a deleted session, unless another session works in it. */
  async function endWorktree(row: SessionRow): Promise<void> {
    const { worktree, workspace: folder } = placeIn(row);
    if (worktree === undefined || worktrees === undefined || folder === undefined) return;
    const [other] = await store.listSessions({ workspace: folder, limit: 1 });
    const end =
      other === undefined
        ? await worktrees.end(worktree)
        : { folder: 'kept' as const, branchKept: true, reason: `session ${other.id} works in it` };
    const { path, branch } = worktree;
    await log.append([{ type: 'worktree.end', data: { path, branch, ...end }, sessionId: row.id }]);
  }

  return {
    async list({ limit, after, ...filter }) {
      const rows = await store.listSessions({
        ...filter,
        limit: limit + 1,
        maxText: maxPageText,
        ...(after === undefined ? {} : { beforeId: after }),
      });
      const shown = rows.slice(0, limit);
      const hasMore = rows.length > limit || isCutByText(rows);
      const last = shown.at(-1);
      const items = await present(shown);
      return hasMore && last !== undefined ? { items, next: last.place ?? last.id } : { items };
    },
    async create(input) {
      const { id, title = untitled, metadata = {} } = wellFormedDeep(input);
      requireRoomFor(metadata);
      const agent = agents.forNewSession(input.agent, 'agent');
      const place = await spaces.plan(input, '');
      const session = newSessionRow(title, { agent, metadata, ...place.details }, now(), id);
      try {
        await place.create();
        await log.append(
          [
            { type: 'session.start', data: { title }, sessionId: session.id },
            ...place.events.map((event) => ({ ...event, sessionId: session.id })),
          ],
          [{ kind: id === undefined ? 'putSession' : 'addSession', session }],
        );
      } catch (error) {
        await place.undo();
        throw error;
      }
      return presentNew(session, 0);
    },
    async get(id) {
      const row = await store.getSession(id);
      return row === undefined ? undefined : presentOne(row);
    },
    async named(name) {
      const row = await store.getNamedSession(name);
      return row === undefined ? undefined : presentOne(row);
    },
    update: (id, patch) =>
      inTurn(id, async () => {
        const row = await find(id);
        const { title, metadata, archived } = wellFormedDeep(patch);
        if (metadata !== undefined) requireRoomFor(mergePatch(readSessionDetails(row).metadata, metadata));
        const details = JSON.stringify(metadata === undefined ? {} : { metadata });
        const isArchived = row.isArchived === true;
        const archiving = archived === undefined || archived === isArchived ? [] : [archived];
        const writes: Write[] = [
          {
            kind: 'patchSession',
            id,
            updatedAt: now(),
            details,
            limitsMetadata: metadata !== undefined,
            ...(title === undefined ? {} : { title }),
          },
          ...archiving.map((to): Write => ({ kind: 'archiveSession', id, isArchived: to })),
        ];
        const shownTitle = title ?? row.title;
        const events = archiving.map((to): NewEvent => {
          if (to) return { type: 'session.archive', data: { title: shownTitle }, sessionId: id };
          return {
            type: 'session.unarchive',
            data: { title: shownTitle, reason: 'request' },
            sessionId: id,
          };
        });
        if (events.length === 0) await store.write(writes);
        else await log.append(events, writes);
        return presentOne(await find(id));
      }),
    async delete(id) {
      const row = await find(id);
      if (isBusy(id)) throw sessionBusy(id);
      await log.append(
        [{ type: 'session.end', data: { reason: 'deleted' }, sessionId: id }],
        [{ kind: 'deleteSession', id, ifIdle: isShared }],
      );
      await mcpServers.remove(id);
      await endWorktree(row);
    },
    async listMcpServers(id) {
      await find(id);
      return mcpServers.describe(id);
    },
    async setMcpServers(id, servers, rights) {
      const agent = agentOf(await find(id));
      if (agent !== builtinAgent)
        throw new CodeBuddyError(
          'not_supported_by_agent',
          `The agent ${agent} gets its MCP servers from config.json only.`,
        );
      await mcpServers.set(id, servers, rights);
    },
    async fork(id, { messageId, title }) {
      const row = await find(id);
      const agent = agentOf(row);
      const at = now();
      const plan = await planCopy(store, { from: id, upTo: messageId, now: at });
      const { model, metadata, origin } = readSessionDetails(row);
      const { summary } = readSessionMemory(row);
      const carried = summary === undefined ? undefined : plan.carryOver(summary);
      // Costs and remembered permissions are not copied.
      const session = newSessionRow(
        title === undefined ? row.title : wellFormed(title),
        {
          agent,
          model,
          metadata,
          ...(origin === undefined ? {} : { origin }),
          ...placeIn(row),
          ...(plan.last === undefined ? {} : { forkedFrom: { sessionId: id, messageId: plan.last } }),
          ...(carried === undefined ? {} : { memory: { summary: carried } }),
        },
        at,
      );
      await writeCopy({ store, log }, plan, session);
      return presentNew(session, plan.messageCount);
    },
    async export(id, format) {
      const session = await presentOne(await find(id));
      return format === 'markdown'
        ? exportAsMarkdown(store, session)
        : exportAsJson(store, session, { exportedAt: new Date(now()).toISOString(), version });
    },
    async addMessage(id, given, hop = 0) {
      const text = requireText(given);
      const agent = agentOf(await find(id));
      if (agent !== builtinAgent)
        throw new CodeBuddyError(
          'not_supported_by_agent',
          `The agent ${agent} keeps its own conversation and takes only prompts. Send the text with the next prompt.`,
        );
      const message = newMessageRow(
        { sessionId: id, runId: null, role: 'user', content: text, via: 'inject' },
        now(),
      );
      await log.append(
        [{ type: 'message.user', data: { messageId: message.id, text, via: 'inject' }, sessionId: id, hop }],
        [{ kind: 'addMessage', message }],
      );
      return toMessage(message, now());
    },
    search: searchMessages({ store, now }),
    async messages(id, { limit, after, order }) {
      await find(id);
      const rows = await store.listMessages(id, {
        limit: limit + 1,
        maxText: maxPageText,
        ...(after === undefined ? {} : { afterId: after }),
        ...(order === undefined ? {} : { order }),
      });
      return toPage(
        rows.slice(0, limit).map((row) => toMessage(row, now())),
        rows.length > limit || isCutByText(rows),
      );
    },
  };
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
