// Reads and writes the file of a registry. It is written atomically. A file that cannot be used is copied before it is
// overwritten.

import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { replacePrivateFile, writePrivateFile } from '../base/atomic-file.ts';
import { copyFile } from '../base/copy-file.ts';
import { fileFault } from '../base/file-errors.ts';
import { resolveLinks } from './link-chain.ts';

export type FileContent =
  | { readonly kind: 'missing' }
  /** `text` as it is in the file, without a byte order mark. */
  | { readonly kind: 'text'; readonly text: string; readonly wasPublic: boolean }
  /** Not a file that could contain entries. `mark` changes when the file changes. */
  | { readonly kind: 'unusable'; readonly reason: string; readonly mark: string }
  /** It may be valid, but cannot be read now: no permission, no file handles, a disk error. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** 10 000 webhooks take about 3 MB. */
const maxBytes = 16 * 1024 * 1024;

export function readRegistryFile(
  path: string,
  { mayChangeMode = true }: { readonly mayChangeMode?: boolean } = {},
): FileContent {
  let handle: number;
  try {
    // Non-blocking: a pipe in its place must not block the process.
    handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'missing' };
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'ENXIO')
      return { kind: 'unusable', reason: fileFault(error), mark: code };
    return { kind: 'unreadable', reason: fileFault(error) };
  }
  try {
    const stat = fstatSync(handle);
    const mark = `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    if (!stat.isFile()) return { kind: 'unusable', reason: 'it is not a regular file', mark };
    const wasPublic = process.platform !== 'win32' && (stat.mode & 0o077) !== 0;
    // It contains secrets, even if it cannot be used and is set aside.
    if (wasPublic && mayChangeMode) closeToOthers(handle);
    if (stat.size > maxBytes)
      return { kind: 'unusable', reason: `it is larger than ${maxBytes} bytes`, mark };
    const bytes = readFileSync(handle);
    // Invalid UTF-8 would be lost when the file is written again.
    if (!isUtf8(bytes)) return { kind: 'unusable', reason: 'it is not UTF-8', mark };
    const text = bytes.toString('utf8');
    return { kind: 'text', text: text.startsWith('\uFEFF') ? text.slice(1) : text, wasPublic };
  } catch (error) {
    return { kind: 'unreadable', reason: fileFault(error) };
  } finally {
    closeSync(handle);
  }
}

/** The mode of another user's file, or of one on a read-only disk, cannot be changed; the file is still read. */
function closeToOthers(handle: number): void {
  try {
    fchmodSync(handle, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'EROFS') throw error;
  }
}

/**
 * Copy the unusable file under another name, which is returned. A link stays in place, unless it leads to no file; then
 * it is renamed.
 */
export function setAside(path: string, now: number): string {
  const time = new Date(now)
    .toISOString()
    .replaceAll(':', '')
    .replace(/\.[0-9]{3}Z$/, 'Z');
  for (let number = 1; ; number++) {
    const aside = `${path}.corrupt-${time}${number === 1 ? '' : `-${number}`}`;
    if (lstatSync(aside, { throwIfNoEntry: false }) !== undefined) continue;
    const target = resolveLinks(path);
    if (lstatSync(target, { throwIfNoEntry: false })?.isFile()) {
      copyWhole(target, aside);
    } else renameSync(path, aside);
    return aside;
  }
}

function copyWhole(from: string, to: string): void {
  try {
    copyFile(from, to);
  } catch (error) {
    // Remove the partial copy; the next try makes a new one.
    rmSync(to, { force: true });
    throw error;
  }
}

/** Write the file that a link leads to; the link stays. */
export function restoreRegistryFile(path: string, text: string): void {
  writePrivateFile(resolveLinks(path), text);
}

/**
 * The same without blocking the process. `mayReplace` is asked immediately before the new file replaces the old one.
 */
export function replaceRegistryFile(path: string, text: string, mayReplace: () => boolean): Promise<boolean> {
  return replacePrivateFile(resolveLinks(path), text, mayReplace);
}
