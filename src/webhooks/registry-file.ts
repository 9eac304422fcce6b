// webhooks.json: read with suspicion, written whole. A file that cannot be used is never written over: it is set aside, and the last good
// state takes its place.

import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
} from 'node:fs';
import { writePrivateFile } from '../atomic-file.ts';

export type FileContent =
  | { readonly kind: 'missing' }
  /** `text` as it is in the file, without a byte order mark. */
  | { readonly kind: 'text'; readonly text: string; readonly wasPublic: boolean }
  | { readonly kind: 'unusable'; readonly reason: string };

/** 10 000 webhooks take about 3 MB. */
const maxBytes = 16 * 1024 * 1024;

export function readRegistryFile(path: string): FileContent {
  let handle: number;
  try {
    // Not blocking: a pipe in its place must not stop us.
    handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { kind: 'missing' } : { kind: 'unusable', reason: message };
  }
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) return { kind: 'unusable', reason: 'it is not a file' };
    const wasPublic = process.platform !== 'win32' && (stat.mode & 0o077) !== 0;
    // It holds secrets, also if it cannot be used and is set aside.
    if (wasPublic) closeToOthers(handle);
    if (stat.size > maxBytes) return { kind: 'unusable', reason: `it is larger than ${maxBytes} bytes` };
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    for (;;) {
      const read = readSync(handle, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    // Bytes that are not UTF-8 would be lost when the file is written again.
    if (!isUtf8(bytes.subarray(0, length))) return { kind: 'unusable', reason: 'it is not UTF-8' };
    const text = bytes.toString('utf8', 0, length);
    return { kind: 'text', text: text.startsWith('\uFEFF') ? text.slice(1) : text, wasPublic };
  } catch (error) {
    return { kind: 'unusable', reason: (error as Error).message };
  } finally {
    closeSync(handle);
  }
}

/** Another user's file cannot be changed; it is read all the same, and told. */
function closeToOthers(handle: number): void {
  try {
    fchmodSync(handle, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/** Moves what cannot be used out of the way, and gives its new name. */
export function setAside(path: string, now: number): string {
  const time = new Date(now)
    .toISOString()
    .replaceAll(':', '')
    .replace(/\.[0-9]{3}Z$/, 'Z');
  const aside = `${path}.corrupt-${time}`;
  renameSync(path, aside);
  return aside;
}

/** Over the file that a link leads to, not over the link. */
export function writeRegistryFile(path: string, entries: readonly Record<string, unknown>[]): string {
  const text = `${JSON.stringify({ webhooks: entries }, undefined, 2)}\n`;
  let target = path;
  try {
    target = realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  writePrivateFile(target, text);
  return text;
}
