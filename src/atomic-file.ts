// Small files that a reader must never see half-written, readable by their owner only.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileError } from './file-errors.ts';

/**
 * Writes beside the file, then renames over it: a crash leaves the old content or the new, and after this call a power cut leaves
 * the new.
 */
export function writePrivateFile(path: string, content: string): void {
  try {
    write(path, content);
  } catch (error) {
    throw Object.assign(fileError(path, 'cannot be written', error), codeOf(error));
  }
}

/** Callers tell a full disk by its code. */
function codeOf(error: unknown): { readonly code?: unknown } {
  return error instanceof Error && 'code' in error ? { code: error.code } : {};
}

function write(path: string, content: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** The new name is on the disk only once the folder is. Windows cannot open folders, and needs no such thing. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
