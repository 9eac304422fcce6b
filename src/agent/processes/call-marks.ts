// Ends processes that a program leaves behind outside its process group. Programs started for tools and MCP servers
// carry a mark in their environment, which their children inherit; on Linux, processes with the mark are found and
// ended. The marks are on disk while their programs run, so that the next start can end the processes that a killed
// server left.
//
// A process that drops its environment and leaves both its group and its parent is not found.

import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolders } from '../../base/make-folders.ts';
import { readJsonFolder } from '../json-folder.ts';
import {
  hasProcessTable,
  listProcesses,
  type ProcessEntry,
  readBootId,
  readProcess,
  readTree,
} from './process-table.ts';

export const markVariable = 'CODEBUDDY_CALL';

export interface CallMark {
  /** Add this to the environment of the program. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Remembers the program and all its descendants, also those that dropped their environment. Call before ending the
   * program.
   */
  noteTree(pid: number): void;
  /** Ends the remaining processes. Call when the program has ended. Resolves to the pids that could not be ended. */
  end(): Promise<readonly number[]>;
}

export interface CallMarks {
  create(): CallMark;
  /** Ends processes that a killed server has left. Resolves to the number of ended processes. */
  recover(): Promise<number>;
}

export interface CallMarksOptions {
  /** A private folder for the marks, which must outlive a crash. Undefined: they are not kept. */
  readonly stateFolder?: string | undefined;
}

interface Note {
  readonly mark: string;
  readonly boot: string;
  readonly server: { readonly pid: number; readonly startedAt: number };
}

/** Stopped processes cannot start others, so this many rounds end any tree that does not resist on purpose. */
const maxRounds = 20;
const roundMs = 20;

export function createCallMarks({ stateFolder }: CallMarksOptions = {}): CallMarks {
  const folder = stateFolder === undefined ? undefined : join(stateFolder, 'processes');
  const boot = hasProcessTable ? readBootId() : undefined;
  const own = hasProcessTable ? readProcess(process.pid) : undefined;

  function keep(mark: string): string | undefined {
    if (folder === undefined || boot === undefined || own === undefined) return undefined;
    const note: Note = { mark, boot, server: { pid: own.pid, startedAt: own.startedAt } };
    const path = join(folder, `${mark}.json`);
    try {
      makeFolders(folder);
      // Not synced: a crash of the machine ends the processes, too.
      writeFileSync(path, JSON.stringify(note), { mode: 0o600 });
      return path;
    } catch {
      // The command runs even on a full disk; the mark on disk matters only after a crash.
      return undefined;
    }
  }

  return {
    create() {
      if (!hasProcessTable) return { environment: {}, noteTree: () => undefined, end: async () => [] };
      const mark = randomBytes(16).toString('hex');
      const path = keep(mark);
      let tree: readonly ProcessEntry[] = [];
      return {
        environment: { [markVariable]: mark },
        noteTree(pid) {
          tree = readTree(pid);
        },
        async end() {
          const left = await endAll(mark, tree);
          if (path !== undefined && left.remaining.length === 0) rmSync(path, { force: true });
          return left.remaining;
        },
      };
    },
    async recover() {
      let ended = 0;
      for (const { path, value } of readJsonFolder(folder)) {
        const note = toNote(value);
        if (note !== undefined && note.boot === boot) {
          // The other server is still running and ends its programs itself.
          if (readProcess(note.server.pid)?.startedAt === note.server.startedAt) continue;
          ended += (await endAll(note.mark, [])).ended;
        }
        rmSync(path, { force: true });
      }
      return ended;
    },
  };
}

/** Stops all processes first, so that they start no others, then ends them. */
async function endAll(
  mark: string,
  known: readonly ProcessEntry[],
): Promise<{ readonly ended: number; readonly remaining: readonly number[] }> {
  const needle = Buffer.from(`\0${markVariable}=${mark}\0`);
  const keyOf = ({ pid, startedAt }: ProcessEntry): string => `${pid} ${startedAt}`;
  const knownKeys = new Set(known.map(keyOf));
  const seen = new Set<string>();
  for (let round = 0; ; round++) {
    const all = await listProcesses();
    const found = withDescendants(
      all,
      (entry) => knownKeys.has(keyOf(entry)) || carries(entry.environment, needle),
    );
    const remaining = found.map(({ pid }) => pid);
    if (found.length === 0 || round === maxRounds) {
      return {
        ended: [...seen].filter((key) => !found.some((entry) => keyOf(entry) === key)).length,
        remaining,
      };
    }
    const fresh = found.filter((entry) => !seen.has(keyOf(entry)));
    for (const entry of found) seen.add(keyOf(entry));
    // While new ones appear, all are only stopped.
    for (const entry of found) signal(entry, fresh.length > 0 ? 'SIGSTOP' : 'SIGKILL');
    if (fresh.length === 0) await sleep(roundMs);
  }
}

function carries(environment: Buffer, needle: Buffer): boolean {
  // The mark may be the first variable, with no NUL in front.
  return (
    environment.includes(needle) || environment.subarray(0, needle.length - 1).equals(needle.subarray(1))
  );
}

function withDescendants(
  all: readonly ProcessEntry[],
  isRoot: (entry: ProcessEntry) => boolean,
): readonly ProcessEntry[] {
  const found = new Map(all.filter(isRoot).map((entry) => [entry.pid, entry]));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const entry of all) if (found.has(entry.parent)) found.set(entry.pid, entry);
  }
  return [...found.values()];
}

/** Signals the process if the pid still belongs to it. */
function signal({ pid, startedAt }: ProcessEntry, name: NodeJS.Signals): void {
  if (readProcess(pid)?.startedAt !== startedAt) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: it has ended. EPERM: it belongs to another user, and the caller learns that it is left.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')))
      throw error;
  }
}

/** Undefined for a file that a crash left half-written, or that the server did not write. */
function toNote(value: unknown): Note | undefined {
  const note = value as Partial<Note> | null | undefined;
  const isNote =
    typeof note?.mark === 'string' &&
    /^[0-9a-f]{32}$/.test(note.mark) &&
    typeof note.boot === 'string' &&
    typeof note.server?.pid === 'number' &&
    typeof note.server.startedAt === 'number';
  return isNote ? (note as Note) : undefined;
}
