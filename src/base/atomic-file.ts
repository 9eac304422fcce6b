// Writes small files atomically, readable by their owner only: a reader sees the old content or the new, never a part.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError } from './file-errors.ts';

/**
 * Writes a temporary file, then renames it over the old one. A crash leaves the old content or the new. When this returns, the new content
 * survives a power failure.
 */
export function writePrivateFile(path: string, content: string): void {
  try {
    write(path, content);
  } catch (error) {
    throw writeError(path, error);
  }
}

/**
 * Like `writePrivateFile`, without blocking the process. `mayReplace` is called right before the rename; if it returns false, the old file stays
 * and the promise resolves to false. Only one call at a time may write a path.
 */
export async function replacePrivateFile(
  path: string,
  content: string,
  mayReplace: () => boolean,
): Promise<boolean> {
  try {
    return await writeLater(path, content, mayReplace);
  } catch (error) {
    throw writeError(path, error);
  }
}

function writeError(path: string, error: unknown): Error {
  return Object.assign(fileError(path, 'cannot be written', error), codeOf(error));
}

/** Callers recognise a full disk by the code. */
function codeOf(error: unknown): { readonly code?: unknown } {
  return error instanceof Error && 'code' in error ? { code: error.code } : {};
}

function write(path: string, content: string): void {
  const temporary = temporaryPath(path);
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    const bytes = Buffer.from(content);
    // One call may write only a part.
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  replace(temporary, path);
  syncFolder(dirname(path));
}

async function writeLater(path: string, content: string, mayReplace: () => boolean): Promise<boolean> {
  const temporary = temporaryPath(path);
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (!mayReplace()) {
    rmSync(temporary, { force: true });
    return false;
  }
  replace(temporary, path);
  await syncFolderLater(dirname(path));
  return true;
}

function temporaryPath(path: string): string {
  return `${path}.${process.pid}.tmp`;
}

function replace(temporary: string, path: string): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A new name is durable only when its folder is synced. Windows cannot open folders, and does not need this. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

async function syncFolderLater(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
