// The files of the workspace for clients that browse them. The same rules as for tools apply: nothing outside the
// workspace, nothing that a deny rule withholds, and no ignored files in lists.

import type { FileHandle } from 'node:fs/promises';
import { CodeBuddyError } from '../base/errors.ts';
import type { FileEntry } from '../contract/file-entry.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import { isIgnoredIn } from './tools/walk-files.ts';
import { withheldBelow } from './tools/withheld.ts';
import type { FolderEntry } from './tools/workspace/list-folder.ts';
import type { Workspace } from './tools/workspace.ts';

export interface OpenedFile {
  readonly handle: FileHandle;
  /** The last part of the path. */
  readonly name: string;
}

export interface WorkspaceFiles {
  /**
   * The entries of a folder: folders first, then by name.
   * @throws CodeBuddyError `file_not_found`, `outside_workspace`, `permission_denied`, `tool_failed`
   */
  list(
    path: string,
    page: PageRequest,
  ): Promise<Page<FileEntry> & { readonly path: string; readonly truncated: boolean }>;
  /** Opens a file for reading. The caller closes it. @throws the same */
  open(path: string): Promise<OpenedFile>;
}

/** In a larger folder, the entries given may not be the first ones. */
const maxEntries = 20_000;

export function createWorkspaceFiles(workspace: Workspace): WorkspaceFiles {
  function requireListable(path: string): void {
    if (workspace.denyRules?.denies('list_directory', path))
      throw new CodeBuddyError(
        'permission_denied',
        `${JSON.stringify(path)} cannot be listed: a deny rule forbids it.`,
      );
  }

  return {
    async list(given, { limit, after }) {
      const path = workspace.relative(given);
      requireListable(path);
      const real = await workspace.realPath(path);
      if (real !== path) requireListable(real);
      const [{ entries, truncated }, isIgnored, ...withheld] = await Promise.all([
        workspace.listFolder(path, maxEntries),
        isIgnoredIn(workspace, path),
        withheldBelow(workspace, 'list_directory', path),
        withheldBelow(workspace, 'read_file', path),
      ]);
      const shown = entries
        .filter(
          ({ name, kind }) =>
            !isIgnored(name, kind === 'directory') && !withheld.some((isWithheld) => isWithheld(name)),
        )
        .map((entry) => ({ entry, key: keyOf(entry) }))
        .sort((left, right) => (left.key < right.key ? -1 : 1))
        .filter(({ key }) => after === undefined || key > after);
      const page = shown.slice(0, limit);
      const last = page.at(-1);
      return {
        path,
        truncated,
        items: page.map(({ entry }) => toFileEntry(path, entry)),
        ...(shown.length > limit && last !== undefined ? { next: last.key } : {}),
      };
    },
    async open(given) {
      const path = workspace.relative(given);
      return { handle: await workspace.openFile(path), name: path.slice(path.lastIndexOf('/') + 1) };
    },
  };
}

/** Sorts folders first. */
function keyOf({ kind, name }: FolderEntry): string {
  return `${kind === 'directory' ? 0 : 1}${name}`;
}

function toFileEntry(
  folder: string,
  { name, kind, size, modifiedAt, isExecutable, linksTo }: FolderEntry,
): FileEntry {
  return {
    name,
    path: folder === '.' ? name : `${folder}/${name}`,
    kind,
    size,
    modifiedAt: new Date(modifiedAt).toISOString(),
    executable: isExecutable,
    ...(linksTo === undefined ? {} : { linksTo }),
  };
}
