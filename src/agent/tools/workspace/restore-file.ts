// Brings one path of the workspace back to an earlier state: a file with its content and permission bits, a link, or
// nothing. A crash leaves the old state or the new one; a file that has its content but not yet its permission bits is
// recognized, and the next try sets them.

import { constants, lstatSync } from 'node:fs';
import { lstat, open, rename, rm, rmdir, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CodeBuddyError } from '../../../base/errors.ts';
import { inFileQueue } from '../file-queue.ts';
import { versionOf } from '../file-version.ts';
import { replaceFile } from '../replace-file.ts';
import { errnoOf } from '../system-errors.ts';
import { temporaryName } from '../temporary-name.ts';
import type { Bounds } from './bounds.ts';
import type { FileDenyRules } from './file-deny-rules.ts';
import { type FileState, missing, readState, type SeenState, sameContent, sameState } from './file-state.ts';
import type { OpenFolder, VerifiedOpener } from './open-verified.ts';
import { failed } from './path-errors.ts';
import type { RealPaths } from './real-paths.ts';

export type Restored =
  | {
      readonly outcome: 'restored';
      readonly change: 'create' | 'modify' | 'delete';
      readonly version?: string;
    }
  /** It has the wanted state already. */
  | { readonly outcome: 'unchanged' }
  /** It has neither the expected nor the wanted state. */
  | { readonly outcome: 'changed' }
  /** A deny rule forbids it. */
  | { readonly outcome: 'denied' };

export interface Restoration {
  /** A real path, relative to the workspace. */
  readonly path: string;
  readonly expected: FileState;
  readonly wanted: FileState;
  /** Of a wanted file. */
  readonly content: Buffer | undefined;
  /** How many folders above the file are removed with it if they are empty then. */
  readonly newFolders: number;
  /** Files of more bytes are not read, and count as changed. */
  readonly maxBytes: number;
  /** Only judge. */
  readonly isDry: boolean;
  /** Called with the present content before it is replaced. */
  readonly keep: (present: SeenState) => Promise<void>;
  /** Called right before the file is changed. */
  readonly beforeWrite: () => void;
}

export interface FileRestorer {
  /** The state of a real path. If a folder above it has become a link, the path counts as missing. */
  readState(path: string, maxBytes: number): Promise<SeenState>;
  restoreFile(restoration: Restoration): Promise<Restored>;
}

export function createFileRestorer(
  { root, locate, relative: inWorkspace, isInside }: Bounds,
  { realInside, identify }: RealPaths,
  { openDirectory, openParent }: VerifiedOpener,
  denyRules: FileDenyRules | undefined,
): FileRestorer {
  /** The folder of a real path; undefined if it is missing, or if the path leads to another folder now. */
  async function openFolder(path: string): Promise<OpenFolder | undefined> {
    const absolute = locate(path);
    try {
      const real = await realInside(inWorkspace(dirname(absolute)));
      if (real !== dirname(absolute)) return undefined;
      const folder = await openDirectory(real, path);
      if (folder.real === dirname(absolute)) return folder;
      await folder.handle.close();
      return undefined;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ELOOP') return undefined;
      if (error instanceof CodeBuddyError && error.code === 'outside_workspace') return undefined;
      throw error;
    }
  }

  async function read(path: string, maxBytes: number): Promise<SeenState> {
    const folder = await openFolder(path);
    if (folder === undefined) return { state: missing };
    try {
      return await readState(folder.at, basename(path), maxBytes);
    } finally {
      await folder.handle.close();
    }
  }

  async function restore(restoration: Restoration): Promise<Restored> {
    const { path, expected, wanted, content, maxBytes, isDry, keep, beforeWrite } = restoration;
    const present = await read(path, maxBytes);
    if (sameState(present.state, wanted)) return { outcome: 'unchanged' };
    // A file that has the content already was restored by a try that a crash ended before the permission bits were set.
    const isHalf =
      sameContent(present.state, wanted) &&
      !sameContent(wanted, expected) &&
      (expected.kind !== 'file' || hasModeOf(present.state, expected));
    if (!sameState(present.state, expected) && !isHalf) return { outcome: 'changed' };
    const absolute = locate(path);
    const stats = await lstat(absolute).catch(() => undefined);
    if (denyRules !== undefined && !(await denyRules.mayWrite(root, path, stats)))
      return { outcome: 'denied' };
    if (isDry) return { outcome: 'restored', change: changeOf(present.state, wanted) };
    await keep(present);
    const folder = wanted.kind === 'missing' ? await openFolder(path) : await openParent(absolute, path);
    if (folder === undefined) return { outcome: 'unchanged' };
    try {
      if (folder.real !== dirname(absolute)) return { outcome: 'changed' };
      const again = await readState(folder.at, basename(path), maxBytes);
      if (!sameState(again.state, present.state)) return { outcome: 'changed' };
      beforeWrite();
      const version = await put(folder, path, wanted, content);
      return {
        outcome: 'restored',
        change: changeOf(present.state, wanted),
        ...(version === undefined ? {} : { version }),
      };
    } finally {
      await folder.handle.close();
      if (wanted.kind === 'missing') await removeFolders(absolute, restoration.newFolders);
    }
  }

  /** Returns the version of a file. */
  async function put(
    { at }: OpenFolder,
    path: string,
    wanted: FileState,
    content: Buffer | undefined,
  ): Promise<string | undefined> {
    const target = join(at, basename(path));
    if (wanted.kind === 'missing') {
      await unlink(target);
      return undefined;
    }
    if (wanted.kind === 'link') {
      const temporary = join(at, temporaryName());
      await symlink(wanted.target, temporary);
      await rename(temporary, target).catch(async (error: unknown) => {
        await rm(temporary, { force: true });
        throw error;
      });
      return undefined;
    }
    if (wanted.kind !== 'file' || content === undefined) throw failed(path, 'cannot be restored');
    const now = lstatSync(target, { bigint: true, throwIfNoEntry: false });
    // `replaceFile` writes regular files only.
    if (now?.isSymbolicLink() === true) await unlink(target);
    await replaceFile({
      folder: at,
      name: basename(path),
      path,
      content,
      keepsLinks: true,
      expected: now?.isFile() === true ? { kind: 'version', version: versionOf(now) } : { kind: 'anything' },
    });
    const handle = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      await handle.chmod(wanted.mode);
      return versionOf(await handle.stat({ bigint: true }));
    } finally {
      await handle.close();
    }
  }

  async function removeFolders(absolute: string, count: number): Promise<void> {
    let folder = dirname(absolute);
    for (let left = count; left > 0 && folder !== root && isInside(folder); left--) {
      // One that is not empty stays, with those above it.
      const isRemoved = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!isRemoved) return;
      folder = dirname(folder);
    }
  }

  return {
    readState: read,
    restoreFile: (restoration) =>
      inFileQueue(
        async () => {
          const { path } = restoration;
          // `identify` follows links; a link is restored as a link.
          return identify(path).catch(() => `restore ${join(root, path)}`);
        },
        undefined,
        () => restore(restoration),
      ),
  };
}

function hasModeOf(state: FileState, other: FileState): boolean {
  return state.kind === 'file' && other.kind === 'file' && state.mode === other.mode;
}

function changeOf(present: FileState, wanted: FileState): 'create' | 'modify' | 'delete' {
  if (wanted.kind === 'missing') return 'delete';
  return present.kind === 'missing' ? 'create' : 'modify';
}
