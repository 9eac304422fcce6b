// Converts sessions to rows of the store and back. `session-memory.ts` has the memory that lasts from run to run.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { cutHead, isBlank, wellFormed } from '../base/text.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import type { Session, SessionOrigin } from '../contract/session.ts';
import type { SessionWorktree } from '../contract/workspace.ts';
import { shownPast } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { SessionRow } from '../store/store.ts';
import { readSessionMemory, type SessionMemory } from './session-memory.ts';

/** The JSON of a session's row. */
interface SessionDetails {
  /** Sessions of earlier releases lack it: the built-in agent answers them. */
  readonly agent?: string;
  readonly model: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Absent: `rest`. Sessions of earlier releases have none. */
  readonly origin?: SessionOrigin;
  /** Absent: the workspace of the server. */
  readonly workspace?: string;
  readonly worktree?: SessionWorktree;
  readonly forkedFrom?: Session['forkedFrom'];
  readonly memory?: Partial<SessionMemory>;
}

export const untitled = 'New session';
const maxTitleCharacters = 60;
/** UTF-16 units of a prompt that are read for its title. */
const longestTitleSource = 4096;

/** `id`: one that the caller chose; its place in lists is that of a new id. */
export function newSessionRow(
  title: string,
  details: Partial<SessionDetails>,
  now: number,
  id?: string,
): SessionRow {
  const stored: SessionDetails = { model: null, metadata: {}, ...details };
  const place = makeId('ses', now);
  const ids = id === undefined ? { id: place } : { id, place };
  return { ...ids, title, createdAt: now, updatedAt: now, details: JSON.stringify(stored) };
}

/** A title from a prompt: its first words, on one line. */
export function titleFrom(prompt: string): string {
  const start = wellFormed(prompt.trimStart().slice(0, longestTitleSource));
  const line = start.trimEnd().split(/\s+/u).join(' ');
  if (isBlank(line)) return untitled;
  // A character has at most two UTF-16 units.
  const characters = [...line.slice(0, 2 * maxTitleCharacters + 2)];
  if (characters.length <= maxTitleCharacters) return line;
  return `${cutHead(line, characters.slice(0, maxTitleCharacters - 1).join('').length)}…`;
}

/** Only this module writes the column, as JSON of this shape. */
export function readSessionDetails(row: SessionRow): SessionDetails {
  return parseRowJson<SessionDetails>('sessions', row.id, row.details);
}

/** The session as clients see it. */
export function toSession(
  row: SessionRow,
  {
    messageCount,
    isBusy,
    now,
    workspace: ofServer,
  }: {
    readonly messageCount: number;
    readonly isBusy: boolean;
    readonly now: number;
    /** The workspace of the server. */
    readonly workspace: string;
  },
): Session {
  const details = readSessionDetails(row);
  const { agent = builtinAgent, model, metadata, origin = 'rest', forkedFrom = null } = details;
  const { workspace = ofServer, worktree } = details;
  const { usage, cost, plan } = readSessionMemory(row);
  return {
    id: row.id,
    title: row.title,
    status: isBusy ? 'running' : 'idle',
    agent,
    model,
    workspace,
    ...(worktree === undefined ? {} : { worktree }),
    metadata,
    archived: row.isArchived === true,
    origin,
    forkedFrom,
    ...(plan === undefined ? {} : { plan }),
    usage,
    cost,
    messageCount,
    createdAt: shownPast(row.createdAt, now),
    updatedAt: shownPast(row.updatedAt, now),
  };
}

/** The agent that answers the prompts of a session. */
export function agentOf(row: SessionRow): string {
  return readSessionDetails(row).agent ?? builtinAgent;
}

export function sessionNotFound(id: string): CodeBuddyError {
  return new CodeBuddyError('session_not_found', `Session ${JSON.stringify(id)} not found.`);
}
