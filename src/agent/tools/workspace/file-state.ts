// The state of one path of the workspace, as it is compared and restored. A link is never followed.

import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../system-errors.ts';

export type FileState =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'file';
      readonly bytes: number;
      /** The permission bits. */
      readonly mode: number;
      /** SHA-256 of the content (hex). Absent if the file was too large to read. */
      readonly hash?: string;
    }
  | { readonly kind: 'link'; readonly target: string }
  /** A folder or a special file. */
  | { readonly kind: 'other' };

export interface SeenState {
  readonly state: FileState;
  /** Of a file that was read. */
  readonly content?: Buffer;
}

export const missing: FileState = { kind: 'missing' };

export function hashOf(content: Buffer): string {
  return hash('sha256', content);
}

/** `folder`: a path that leads to an open folder. Files of more than `maxBytes` are not read. */
export async function readState(folder: string, name: string, maxBytes: number): Promise<SeenState> {
  const path = join(folder, name);
  try {
    const kind = await lstat(path);
    if (kind.isSymbolicLink()) return { state: { kind: 'link', target: await readlink(path) } };
    if (!kind.isFile()) return { state: { kind: 'other' } };
    if (kind.size > maxBytes) return { state: fileState(kind) };
    const handle = await open(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return { state: { kind: 'other' } };
      if (stats.size > maxBytes) return { state: fileState(stats) };
      const content = await handle.readFile();
      return {
        state: { ...fileState(stats), bytes: content.length, hash: hashOf(content) },
        content,
      };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return { state: missing };
    throw error;
  }
}

function fileState({
  size,
  mode,
}: {
  readonly size: number;
  readonly mode: number;
}): Extract<FileState, { kind: 'file' }> {
  return { kind: 'file', bytes: size, mode: mode & 0o7777 };
}

/** False also for files of which one was not read. */
export function sameState(left: FileState, right: FileState): boolean {
  return (
    sameContent(left, right) && (left.kind !== 'file' || right.kind !== 'file' || left.mode === right.mode)
  );
}

/** The same without the permission bits. */
export function sameContent(left: FileState, right: FileState): boolean {
  if (left.kind === 'file' && right.kind === 'file')
    return left.hash !== undefined && left.hash === right.hash;
  if (left.kind === 'link' && right.kind === 'link') return left.target === right.target;
  return left.kind === right.kind && left.kind !== 'other';
}
