// Guards each command: scans the workspace before it, plans the covers of the sandbox, and afterwards removes new files
// that the user's own programs would run. A journal on disk lets the next start finish this after a crash.

import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../../base/make-folders.ts';
import { readJsonFolder } from '../json-folder.ts';
import type { FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { hooksFolder } from '../permissions/guarded-files.ts';
import { coverArguments, planCovers } from './covers.ts';
import { type Before, type Change, judgeChanges } from './judge-changes.ts';
import { createPlaceholders, removeIfEmpty } from './placeholders.ts';
import { type Scan, scanWorkspace } from './scan-workspace.ts';
import { takeAway } from './take-away.ts';

/** A changed file that other programs run later. */
export interface RunsLaterChange extends Change {
  /** `removed`: the command was not allowed to create it, so it was removed. `told`: it was only reported. */
  readonly action: 'removed' | 'told';
}

export interface GuardedCommand {
  /** Arguments for bubblewrap, to come after the bind of the workspace. */
  readonly sandboxArguments: readonly string[];
  /** Call once, when no process of the command is left. */
  end(): Promise<readonly RunsLaterChange[]>;
}

export interface CommandGuard {
  /** If `isSandboxed` is false, nothing is covered and changes are only reported. */
  begin(options: { readonly isSandboxed: boolean }): Promise<GuardedCommand>;
  /** Call after a tool has written a file with a permission. `path`: relative to the workspace. */
  noteWrite(path: string): void;
  /** Finishes commands that a crash interrupted. Resolves to the removed files. */
  recover(): Promise<readonly RunsLaterChange[]>;
}

export interface CommandGuardOptions {
  /** The real path of the workspace. */
  readonly root: string;
  readonly list: FilesThatRunLater;
  /** True for paths that a rule lets the file tools write by name; commands may write them, too. */
  readonly isAllowed?: (path: string) => boolean;
  /**
   * Files that this server, or its next start, runs or reads as configuration; relative to the workspace.
   * @default none
   */
  readonly ownFiles?: readonly string[];
  /** A private folder outside the workspace for the journal and for removed files. Undefined: neither is kept. */
  readonly stateFolder?: string | undefined;
}

interface Journal {
  readonly root: string;
  readonly before: Before;
}

/** The scan before a command delays it; the scan after it must find files hidden among many folders. */
const beforeWithinMs = 3000;
const afterWithinMs = 10_000;
const notAllSeen: RunsLaterChange = {
  path: '.',
  change: 'modified',
  runBy: 'unknown programs: the workspace is too large to be scanned in time, so some changes are not listed',
  action: 'told',
};
/** Limit of reported changes. */
const tellAtMost = 50;

export function createCommandGuard({
  root,
  list,
  isAllowed = () => false,
  ownFiles = [],
  stateFolder,
}: CommandGuardOptions): CommandGuard {
  const own = ownFiles.map((path) => [path, 'this server'] as const);
  const placeholders = createPlaceholders(root);
  const running = new Set<Set<string>>();
  const journals = stateFolder === undefined ? undefined : join(stateFolder, 'commands');
  const keepIn = stateFolder === undefined ? undefined : join(stateFolder, 'taken-away');

  async function scan(withinMs: number): Promise<Scan> {
    const hooks = await hooksFolder(root);
    const extra = new Map<string, string>(own);
    if (hooks !== undefined) extra.set(hooks, 'git, as hooks');
    return scanWorkspace({ root, list, extra, withinMs });
  }

  async function finish(
    before: Before,
    written: ReadonlySet<string>,
    mayRemove: boolean,
  ): Promise<readonly RunsLaterChange[]> {
    const after = await scan(afterWithinMs);
    const allowed = (path: string): boolean =>
      isAllowed(path) || written.has(path) || [...written].some((one) => one.startsWith(`${path}/`));
    const { remove, tell } = judgeChanges({ root, before, after, isAllowed: allowed });
    const changes: RunsLaterChange[] = [];
    for (const change of remove) {
      const isGone = mayRemove && (await takeAway(root, change.path, keepIn));
      changes.push({ ...change, action: isGone ? 'removed' : 'told' });
    }
    if (!after.isComplete) changes.push(notAllSeen);
    for (const change of tell.slice(0, tellAtMost)) changes.push({ ...change, action: 'told' });
    return changes;
  }

  return {
    async begin({ isSandboxed }) {
      const seen = await scan(beforeWithinMs);
      const plan = isSandboxed
        ? planCovers({ root, scan: seen, isAllowed, isPlaceholder: placeholders.isPlaceholder })
        : { covers: [], placeholders: [], gitEntries: new Map<string, readonly string[]>() };
      const taken = placeholders.take(plan.placeholders);
      const covered = new Set(plan.covers.map(({ path }) => path));
      const before: Before = {
        startedAt: Date.now(),
        isComplete: seen.isComplete,
        gitFolders: Object.fromEntries(
          [...seen.gitFolders].map(([path, { id }]) => [
            path,
            { id, covered: plan.gitEntries.get(path) ?? [] },
          ]),
        ),
        guarded: Object.fromEntries(
          [...seen.guarded].map(([path, state]) => [path, { ...state, isCovered: covered.has(path) }]),
        ),
        told: Object.fromEntries(seen.told),
        placeholders: Object.fromEntries(taken),
      };
      const written = new Set<string>();
      running.add(written);
      const journal = isSandboxed ? writeJournal(journals, { root, before }) : undefined;
      return {
        sandboxArguments: coverArguments(root, plan.covers),
        async end() {
          placeholders.release(taken.keys());
          try {
            const changes = await finish(before, written, isSandboxed);
            // If this throws, the journal stays and the next start tries again.
            if (journal !== undefined) rmSync(journal, { force: true });
            return changes;
          } finally {
            running.delete(written);
          }
        },
      };
    },
    noteWrite(path) {
      for (const written of running) written.add(path);
    },
    async recover() {
      const changes: RunsLaterChange[] = [];
      for (const { path: file, value } of readJsonFolder(journals)) {
        // The file was written by the server, in a folder that no tool can see.
        const journal = value as Journal | undefined;
        if (journal !== undefined && journal.root !== root) continue;
        if (journal !== undefined) {
          for (const path of Object.keys(journal.before.placeholders).reverse())
            removeIfEmpty(join(root, path));
          changes.push(...(await finish(journal.before, new Set(), true)));
        }
        rmSync(file, { force: true });
      }
      return changes.filter(({ action }) => action === 'removed');
    },
  };
}

/** Not synced: the journal is for a crash of the process, not of the machine. */
function writeJournal(folder: string | undefined, journal: Journal): string | undefined {
  if (folder === undefined) return undefined;
  const file = join(folder, `${randomUUID()}.json`);
  try {
    makeFolders(folder);
    writeFileSync(file, JSON.stringify(journal), { mode: 0o600, flag: 'wx' });
  } catch {
    // The command runs even on a full disk; the journal matters only after a crash.
  }
  return file;
}
