// `api/server.json` in the config folder: the address of the running server, where clients find it.

import { readFileSync, rmSync } from 'node:fs';
import { writePrivateFile } from '../base/atomic-file.ts';
import { fileError } from '../base/file-errors.ts';
import { oldFile, ownFile } from '../base/home-paths.ts';
import { isProcessAlive } from '../base/is-process-alive.ts';

export interface ServerFile {
  readonly url: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly version: string;
}

function serverFilePath(home: string): string {
  return ownFile(home, 'server.json');
}

export function writeServerFile(home: string, content: ServerFile): void {
  writePrivateFile(serverFilePath(home), `${JSON.stringify(content, undefined, 2)}\n`);
}

/**
 * Returns undefined if the file is missing or damaged, or its process has ended. Also finds a server of an earlier
 * release.
 */
export function readServerFile(home: string): ServerFile | undefined {
  return readIfAlive(serverFilePath(home)) ?? readIfAlive(oldFile(home, 'server.json'));
}

function readIfAlive(path: string): ServerFile | undefined {
  const content = readContent(path);
  return content !== undefined && isProcessAlive(content.pid) ? content : undefined;
}

/** True if a server ended without removing the file: it was killed, or crashed. */
export function hasCrashed(home: string): boolean {
  const content = readContent(serverFilePath(home));
  return content !== undefined && !isProcessAlive(content.pid);
}

/** The content, even if the process has ended. */
function readContent(path: string): ServerFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(path, 'cannot be read', error);
  }
  return isServerFile(value) ? value : undefined;
}

/** Removes the file that a crashed server of an earlier release left in the old place. */
export function removeOldServerFile(home: string): void {
  const path = oldFile(home, 'server.json');
  try {
    const content = readContent(path);
    if (content !== undefined && !isProcessAlive(content.pid)) rmSync(path, { force: true });
  } catch {
    // The file cannot be identified as this server's.
  }
}

/** Removes the file if this process wrote it. */
export function removeServerFile(home: string): void {
  let found: ServerFile | undefined;
  try {
    found = readIfAlive(serverFilePath(home));
  } catch {
    // An unreadable file was not written by this process; the stop must not fail because of it.
    return;
  }
  if (found?.pid === process.pid) rmSync(serverFilePath(home), { force: true });
}

function isServerFile(value: unknown): value is ServerFile {
  return (
    typeof value === 'object' &&
    value !== null &&
    'url' in value &&
    typeof value.url === 'string' &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'startedAt' in value &&
    'version' in value
  );
}
