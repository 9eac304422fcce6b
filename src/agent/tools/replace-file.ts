// Replaces the content of one file in an open folder. Normally writes a new file beside it and renames that over it:
// readers see the old content or the new one, also after a crash. If a rename would lose something (hard links, an
// owner that cannot be given to the new file) or cannot work (the file is a mount point, the folder is not writable),
// the file is written in place.

import {
  type BigIntStats,
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodeBuddyError } from '../../base/errors.ts';
import { versionOf } from './file-version.ts';
import { errnoOf } from './system-errors.ts';
import { temporaryName } from './temporary-name.ts';

/** The state in which the file must still be when it is replaced. */
export type Expected =
  /** It has the content that was read through `handle`, an open handle of the file. */
  | { readonly kind: 'content'; readonly handle: FileHandle; readonly bytes: Buffer }
  /** It has the version that the caller has seen last (see `versionOf`), or it is gone. */
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'anything' };

export interface Replacement {
  /** A path that always leads to the same folder, such as `/proc/self/fd/7`. */
  readonly folder: string;
  readonly name: string;
  /** The path as the caller gave it, for messages. */
  readonly path: string;
  readonly content: Buffer;
  /** If false, other names of the file (hard links) keep the old content. */
  readonly keepsLinks: boolean;
  readonly expected: Expected;
}

export interface Replaced {
  readonly change: 'create' | 'modify';
  readonly version: string;
}

/** Old content up to this size is written back if writing in place fails halfway. In bytes. */
const maxKeptBytes = 64 * 1024 * 1024;

/** Errors of a rename, or of creating the new file, after which writing in place can still work. */
const inPlaceAfter: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'EBUSY',
  'EXDEV',
  'ETXTBSY',
  'EINVAL',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

/** @throws CodeBuddyError `file_changed` if the file is not as expected; it is untouched then */
export async function replaceFile(replacement: Replacement): Promise<Replaced> {
  const target = join(replacement.folder, replacement.name);
  // If the file is created or deleted while the new one is prepared, start again.
  for (let attempt = 0; ; attempt++) {
    const before = statOf(target);
    if (before?.isDirectory()) throw failed(replacement.path, 'is a folder');
    if (before !== undefined && !before.isFile()) throw failed(replacement.path, 'is not a regular file');
    check(replacement, target);
    if (before !== undefined && before.nlink > 1n && replacement.keepsLinks)
      return writeInPlace(replacement, target, before);
    const outcome = await renameOver(replacement, target, before);
    if (typeof outcome === 'object') return outcome;
    if (outcome === 'in place' && before !== undefined) return writeInPlace(replacement, target, before);
    if (attempt === 5) throw changed(replacement.path);
  }
}

async function renameOver(
  replacement: Replacement,
  target: string,
  before: BigIntStats | undefined,
): Promise<Replaced | 'in place' | 'again'> {
  const temporary = join(replacement.folder, temporaryName());
  let file: FileHandle;
  try {
    file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      before === undefined ? 0o666 : 0o600,
    );
  } catch (error) {
    if (before !== undefined && inPlaceAfter.has(errnoOf(error) ?? '')) return 'in place';
    throw error;
  }
  try {
    try {
      if (before !== undefined && !(await takeOver(file, before))) {
        await rm(temporary, { force: true });
        return 'in place';
      }
      await file.writeFile(replacement.content);
      await file.datasync();
    } finally {
      await file.close();
    }
    // No await from here to the rename, so that the checked file is the replaced one.
    const now = statOf(target);
    if ((now === undefined) !== (before === undefined)) {
      check(replacement, target);
      await rm(temporary, { force: true });
      return 'again';
    }
    check(replacement, target);
    const stats = lstatSync(temporary, { bigint: true });
    try {
      renameSync(temporary, target);
    } catch (error) {
      if (before === undefined || !inPlaceAfter.has(errnoOf(error) ?? '')) throw error;
      await rm(temporary, { force: true });
      return 'in place';
    }
    putBackIfWritten(replacement, target, stats);
    return { change: before === undefined ? 'create' : 'modify', version: versionOf(stats) };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Gives the new file the mode and owner of the old one. False if the owner cannot be set. */
async function takeOver(file: FileHandle, before: BigIntStats): Promise<boolean> {
  if (process.platform !== 'win32') {
    const own = await file.stat({ bigint: true });
    if (own.uid !== before.uid || own.gid !== before.gid) {
      try {
        await file.chown(Number(before.uid), Number(before.gid));
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        return false;
      }
    }
  }
  // After chown, which clears some mode bits.
  await file.chmod(Number(before.mode) & 0o7777);
  return true;
}

/**
 * Another program may have opened the old file before the rename and written to it after the check. Its content would
 * be lost with the old file, so it is written to the new one, and this call fails.
 */
function putBackIfWritten({ expected, path }: Replacement, target: string, own: BigIntStats): void {
  if (expected.kind !== 'content') return;
  const now = readAll(expected.handle.fd);
  if (now.equals(expected.bytes)) return;
  const file = openSync(target, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    // Unless another program has replaced the file by now; then that content is the newest.
    if (fstatSync(file, { bigint: true }).ino === own.ino) overwrite(file, now, undefined);
  } finally {
    closeSync(file);
  }
  throw changed(path);
}

function writeInPlace(replacement: Replacement, target: string, before: BigIntStats): Replaced {
  const { path, content } = replacement;
  const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let file: number;
  let isReadable = true;
  try {
    file = openSync(target, constants.O_RDWR | flags);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    file = openSync(target, constants.O_WRONLY | flags);
    isReadable = false;
  }
  try {
    const opened = fstatSync(file, { bigint: true });
    if (opened.dev !== before.dev || opened.ino !== before.ino) throw changed(path);
    if (opened.nlink > 1n && !replacement.keepsLinks)
      throw failed(path, 'has other names that must not be changed, and cannot be replaced');
    const old = isReadable && opened.size <= maxKeptBytes ? readAll(file) : undefined;
    check(replacement, target);
    overwrite(file, content, old);
    return { change: 'modify', version: versionOf(fstatSync(file, { bigint: true })) };
  } finally {
    closeSync(file);
  }
}

/** Writes the part beyond the old end first: if the disk is full, that fails before anything is overwritten. */
function overwrite(file: number, content: Buffer, old: Buffer | undefined): void {
  const oldSize = fstatSync(file).size;
  try {
    if (content.length > oldSize) writeAll(file, content, oldSize, content.length);
  } catch (error) {
    ftruncateSync(file, oldSize);
    throw error;
  }
  try {
    writeAll(file, content, 0, Math.min(oldSize, content.length));
    if (content.length < oldSize) ftruncateSync(file, content.length);
    fdatasyncSync(file);
  } catch (error) {
    if (old !== undefined) {
      writeAll(file, old, 0, old.length);
      ftruncateSync(file, old.length);
    }
    throw error;
  }
}

function writeAll(file: number, bytes: Buffer, from: number, to: number): void {
  for (let at = from; at < to; ) at += writeSync(file, bytes, at, to - at, at);
}

function readAll(file: number): Buffer {
  const chunks: Buffer[] = [];
  let position = 0;
  for (;;) {
    // One byte more than expected: then a single call sees the end of the file.
    const buffer = Buffer.allocUnsafe(Math.max(1, fstatSync(file).size - position + 1));
    const length = readSync(file, buffer, 0, buffer.length, position);
    if (length === 0) return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, length));
    position += length;
  }
}

/** @throws CodeBuddyError `file_changed` */
function check({ expected, path }: Replacement, target: string): void {
  if (expected.kind === 'anything') return;
  const now = statOf(target);
  if (expected.kind === 'version') {
    if (now === undefined || versionOf(now) === expected.version) return;
    throw changed(path, 'since this session last read it');
  }
  if (now === undefined) throw changed(path);
  const opened = fstatSync(expected.handle.fd, { bigint: true });
  // The modification time is too coarse to rely on, so the content is compared.
  if (opened.dev !== now.dev || opened.ino !== now.ino || !readAll(expected.handle.fd).equals(expected.bytes))
    throw changed(path);
}

function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function changed(path: string, since = 'while this call worked on it'): CodeBuddyError {
  return new CodeBuddyError(
    'file_changed',
    `${JSON.stringify(path)} was changed by someone else ${since}; nothing was written. Read it again.`,
  );
}

function failed(path: string, why: string): CodeBuddyError {
  return new CodeBuddyError('tool_failed', `${JSON.stringify(path)} ${why}.`);
}
