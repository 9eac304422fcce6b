// `server.json` in the config folder says where a running server is, so that clients find it.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../atomic-file.ts';
import { fileError } from '../file-errors.ts';

export interface ServerFile {
  readonly url: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly version: string;
}

function serverFilePath(home: string): string {
  return join(home, 'server.json');
}

export function writeServerFile(home: string, content: ServerFile): void {
  writePrivateFile(serverFilePath(home), `${JSON.stringify(content, undefined, 2)}\n`);
}

/** Undefined where there is none, it is not readable as one, or its process has ended. */
export function readServerFile(home: string): ServerFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(serverFilePath(home), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(serverFilePath(home), 'cannot be read', error);
  }
  if (!isServerFile(value) || !isAlive(value.pid)) return undefined;
  return value;
}

/** Removes the file if it is this process's. */
export function removeServerFile(home: string): void {
  let found: ServerFile | undefined;
  try {
    found = readServerFile(home);
  } catch {
    // What cannot be read was not written by this process; a stop must not fail because of it.
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
