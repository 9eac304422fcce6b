// The rows of file changes: how they are written and read.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { makeId } from '../../base/ids.ts';
import type { FileChangeRow } from '../../store/file-history.ts';
import { parseRowJson } from '../../store/row-json.ts';
import type { Store } from '../../store/store.ts';
import type { FileState } from '../tools/workspace/file-state.ts';

/** Who made a change. */
export interface ChangeOwner {
  readonly sessionId: string;
  readonly runId?: string | undefined;
  /** The tool; for a foreign agent, its name. */
  readonly tool: string;
}

/** The folder that a change was made in, on this or another machine. */
export interface Place {
  /** The same for all nodes that work in the same folder. */
  readonly id: string;
  readonly host: string;
}

export interface FileChange {
  readonly id: string;
  readonly runId: string | null;
  readonly path: string;
  readonly at: number;
  readonly tool: string;
  readonly place: Place;
  readonly before: FileState;
  /** How many folders were created for the file. */
  readonly newFolders: number;
  /** Undefined if the server stopped while the file was changed. */
  readonly after: FileState | undefined;
}

interface ChangeDetails {
  readonly tool: string;
  readonly place: Place;
  readonly before: FileState;
  readonly newFolders?: number;
}

/** The inode distinguishes folders of the same path on two machines, and is the same on a shared file system. */
export function placeOfFolder(root: string): Place {
  const { ino } = statSync(root, { bigint: true });
  const id = createHash('sha256').update(`${root}\n${ino}`).digest('hex').slice(0, 16);
  return { id, host: hostname() };
}

export function newChangeRow(
  { sessionId, runId, tool }: ChangeOwner,
  {
    path,
    place,
    before,
    newFolders,
    after,
  }: {
    readonly path: string;
    readonly place: Place;
    readonly before: FileState;
    readonly newFolders: number;
    readonly after?: FileState;
  },
  now: number,
): FileChangeRow {
  const details: ChangeDetails = { tool, place, before, ...(newFolders === 0 ? {} : { newFolders }) };
  return {
    id: makeId('chg', now),
    sessionId,
    runId: runId ?? null,
    path,
    createdAt: now,
    details: JSON.stringify(details),
    after: after === undefined ? null : JSON.stringify(after),
  };
}

export function readChange(row: FileChangeRow): FileChange {
  const details = parseRowJson<ChangeDetails>('file_changes', row.id, row.details);
  return {
    id: row.id,
    runId: row.runId,
    path: row.path,
    at: row.createdAt,
    tool: details.tool,
    place: details.place,
    before: details.before,
    newFolders: details.newFolders ?? 0,
    after: row.after === null ? undefined : parseRowJson<FileState>('file_changes', row.id, row.after),
  };
}

const rowsPerPage = 500;

/** All changes of a session by path, each list oldest first. */
export async function changesByPath(
  { fileHistory }: Pick<Store, 'fileHistory'>,
  sessionId: string,
): Promise<ReadonlyMap<string, readonly FileChange[]>> {
  const byPath = new Map<string, FileChange[]>();
  for (let afterId: string | undefined; ; ) {
    const rows = await fileHistory.listChanges(sessionId, {
      limit: rowsPerPage,
      ...(afterId === undefined ? {} : { afterId }),
    });
    for (const row of rows) {
      const changes = byPath.get(row.path);
      if (changes === undefined) byPath.set(row.path, [readChange(row)]);
      else changes.push(readChange(row));
    }
    afterId = rows.at(-1)?.id;
    if (rows.length < rowsPerPage) return byPath;
  }
}
