// The folder that tools may read and change, and the only way to its files. Permission is decided for the opened object
// itself, not for its path, which may be swapped in between.

import type { Dirent } from 'node:fs';
import { type FileHandle, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { noOuterRules, type OuterRules, readOuterRules } from '../ignore/outer-rules.ts';
import { openBounds } from './workspace/bounds.ts';
import { createExplain } from './workspace/explain-errors.ts';
import type { FileDenyRules } from './workspace/file-deny-rules.ts';
import { createFolderLister, type FolderEntry } from './workspace/list-folder.ts';
import { createVerifiedOpener } from './workspace/open-verified.ts';
import { failed } from './workspace/path-errors.ts';
import { createRealPaths, type RealFile } from './workspace/real-paths.ts';
import { createFileRestorer, type FileRestorer } from './workspace/restore-file.ts';
import { createFileWriter, type WriteOptions, type WrittenFile } from './workspace/write-files.ts';

/** How long the outer ignore rules are kept before they are read again, in ms. Reading them runs git. */
const outerRulesMs = 10_000;

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

export interface WorkspaceOptions {
  readonly denyRules?: FileDenyRules | undefined;
  /** Determines where the user's ignore file is. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface Workspace extends FileRestorer {
  /** The real path of the folder. */
  readonly root: string;
  /** Absolute paths that lead to the folder: the real one, and the one that was given. */
  readonly roots: readonly string[];
  readonly denyRules: FileDenyRules | undefined;
  /**
   * The path relative to the root, with `/`; `.` for the root.
   * @throws CodeBuddyError `outside_workspace`, `tool_failed`
   */
  relative(path: string): string;
  /** Resolves a path; if the file is missing, by its nearest existing folder. */
  realFile(path: string): Promise<RealFile>;
  /**
   * Opens a regular file for reading. The caller closes it. Deny rules do not apply to `own`, the server's own use.
   * @throws CodeBuddyError `file_not_found`, `outside_workspace`, `permission_denied`, `tool_failed`
   */
  openFile(path: string, use?: 'tool' | 'own'): Promise<FileHandle>;
  /** The real path of an existing file, relative to the root, with links followed. */
  realPath(path: string): Promise<string>;
  /** In no particular order; `truncated` if there are more than `maxEntries`. */
  readDirectory(
    path: string,
    maxEntries: number,
  ): Promise<{ readonly entries: readonly DirectoryEntry[]; readonly truncated: boolean }>;
  /**
   * The entries of a folder with their sizes and times, in no particular order; `truncated` if there are more than
   * `maxEntries`.
   */
  listFolder(
    path: string,
    maxEntries: number,
  ): Promise<{ readonly entries: readonly FolderEntry[]; readonly truncated: boolean }>;
  /**
   * Creates the file or replaces its content. Creates missing folders. Calls for the same file take turns.
   * @throws CodeBuddyError `file_changed` if `versionOf` returns a version for the real path and the file has another
   * version now
   */
  writeFile(path: string, content: string | Buffer, options?: WriteOptions): Promise<WrittenFile>;
  /**
   * Passes the content to `change` and writes the returned content. Nothing in this process writes the file in between.
   * @throws CodeBuddyError `file_changed` if another process did; its content is kept
   */
  changeFile(
    path: string,
    change: (handle: FileHandle) => Promise<{ readonly before: Buffer; readonly after: Buffer }>,
    options?: Omit<WriteOptions, 'versionOf'>,
  ): Promise<WrittenFile & { readonly versionBefore: string }>;
  /** Ignore rules that apply to the workspace but are kept outside it. */
  outerRules(): Promise<OuterRules>;
  /** The real path of a folder, as a working directory. */
  realDirectory(path: string): Promise<string>;
  /**
   * The same workspace, but it writes only the file that the permission was given for: a link may have been swapped
   * since.
   */
  writingOnly(realPath: string): Workspace;
}

/**
 * `hidden`: files and folders that are treated as outside, as entries of own-files.ts. A folder that contains the
 * workspace hides nothing.
 * @throws Error if the folder does not exist
 */
export async function openWorkspace(
  folder: string,
  hidden: readonly string[] = [],
  { denyRules, environment = process.env }: WorkspaceOptions = {},
): Promise<Workspace> {
  const bounds = await openBounds(folder, hidden);
  const { root, given, isInside } = bounds;
  const realPaths = createRealPaths(bounds);
  const opener = createVerifiedOpener(bounds, realPaths, denyRules);
  const writer = createFileWriter(bounds, realPaths, opener, denyRules);
  const restorer = createFileRestorer(bounds, realPaths, opener, denyRules);
  const listFolder = createFolderLister(bounds, realPaths, opener);
  const explain = createExplain(bounds, denyRules);
  let outer = { readAt: Number.NEGATIVE_INFINITY, rules: Promise.resolve(noOuterRules) };

  const writing = (pinned?: string): Pick<Workspace, 'writeFile' | 'changeFile'> => ({
    writeFile: (path, content, options) =>
      explain(path, () => writer.writeFile(path, content, options, pinned)),
    changeFile: (path, change, options) =>
      explain(path, () => writer.changeFile(path, change, options, pinned)),
  });

  const workspace: Workspace = {
    root,
    roots: [root, given],
    denyRules,
    relative: (path) => bounds.relative(bounds.locate(path)),
    realFile: realPaths.realFile,
    openFile: (path, use) => explain(path, () => opener.openFile(path, use)),
    ...restorer,
    listFolder: (path, maxEntries) => explain(path, () => listFolder(path, maxEntries)),
    ...writing(),
    writingOnly: (realPath) => ({ ...workspace, ...writing(realPath) }),
    realPath: (path) => explain(path, async () => bounds.relative(await realPaths.realInside(path))),
    outerRules() {
      if (performance.now() - outer.readAt > outerRulesMs)
        outer = { readAt: performance.now(), rules: readOuterRules(root, environment) };
      return outer.rules;
    },
    readDirectory: (path, maxEntries) =>
      explain(path, async () => {
        const real = await realPaths.realInside(path);
        const { handle, at } = await opener.openDirectory(real, path);
        try {
          const entries: DirectoryEntry[] = [];
          // Read in chunks, since a folder may hold millions. Leaving the loop closes it.
          for await (const entry of await opendir(at, { bufferSize: 512 })) {
            if (!isInside(join(real, entry.name))) continue;
            if (entries.length >= maxEntries) return { entries, truncated: true };
            entries.push({ name: entry.name, kind: kindOf(entry) });
          }
          return { entries, truncated: false };
        } finally {
          await handle.close();
        }
      }),
    realDirectory: (path) =>
      explain(path, async () => {
        const real = await realPaths.realInside(path);
        if (!(await stat(real)).isDirectory()) throw failed(path, 'is not a folder');
        return real;
      }),
  };
  return workspace;
}

function kindOf(entry: Dirent): DirectoryEntry['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
