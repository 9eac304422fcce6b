// Moves the small files that earlier releases kept in the config folder itself, beside the first version's, to its
// subfolder `api`. A file moves only if its content shows that it is this server's. The new name exists before the old
// one is removed, so neither a crash nor a second process that does the same loses a file.

import {
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileError } from '../base/file-errors.ts';
import { type OwnFile, oldFile, ownFile } from '../base/home-paths.ts';
import { readOldConfig } from './config-file.ts';
import { removeLeftoversOf } from './leftovers.ts';
import { removeOldServerFile } from './server-file.ts';

type IsOurs = (home: string) => boolean;

/** In this order, because config.json is recognised by the key beside it. */
const movable: readonly (readonly [OwnFile, IsOurs])[] = [
  ['config.json', (home) => readOldConfig(home) !== undefined],
  ['listen.json', isOwnListenFile],
  ['api-key', (home) => /^cbk_[\x21-\x7e]{12,}$/.test(readOptional(oldFile(home, 'api-key')).trim())],
];

/**
 * Returns a line for the log for each file that was moved, or ignored because a newer one exists. @throws Error that
 * names the file
 */
export function moveOwnFiles(home: string): readonly string[] {
  const lines: string[] = [];
  for (const [name, isOurs] of movable) {
    const from = oldFile(home, name);
    const to = ownFile(home, name);
    if (!isOurs(home)) continue;
    try {
      lines.push(
        move(from, to) ? `${from} was moved to ${to}` : `${from} is not used: there is a newer ${to}`,
      );
    } catch (error) {
      throw fileError(from, `cannot be moved to ${to}`, error);
    }
    removeLeftoversOf([from]);
  }
  removeOldServerFile(home);
  removeOldCompileCache(join(home, 'compile-cache'));
  return lines;
}

/** False if the new name is taken. */
function move(from: string, to: string): boolean {
  try {
    // Unlike a rename, a link fails if the name is taken.
    if (lstatSync(from).isSymbolicLink()) symlinkSync(realpathSync(from), to);
    else linkSync(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Another process has moved it.
    if (code === 'ENOENT' && lstatSync(to, { throwIfNoEntry: false }) !== undefined) return true;
    if (code === 'EEXIST') return isSameFile(from, to) ? removeOld(from) : false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    // The file system has no hard links.
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false;
    renameSync(from, to);
    return true;
  }
  return removeOld(from);
}

function removeOld(from: string): true {
  rmSync(from, { force: true });
  return true;
}

/** Whether a crash came between the link and the removal. */
function isSameFile(from: string, to: string): boolean {
  try {
    return realpathSync(from) === realpathSync(to) || lstatSync(from).ino === lstatSync(to).ino;
  } catch {
    return false;
  }
}

function isOwnListenFile(home: string): boolean {
  try {
    const content: unknown = JSON.parse(readOptional(oldFile(home, 'listen.json')));
    if (typeof content !== 'object' || content === null || Array.isArray(content)) return false;
    const listeners: readonly unknown[] = Object.values(content);
    return listeners.length > 0 && listeners.every(hasSecret);
  } catch {
    // Not JSON.
    return false;
  }
}

function hasSecret(listener: unknown): boolean {
  return (
    typeof listener === 'object' &&
    listener !== null &&
    'secret' in listener &&
    typeof listener.secret === 'string'
  );
}

/** Node names the folders in it after its own version; anything else is not a compile cache. */
function removeOldCompileCache(folder: string): void {
  try {
    if (readdirSync(folder).every((name) => /^v\d+\.\d+\.\d+-/.test(name)))
      rmSync(folder, { recursive: true, force: true });
  } catch {
    // There is none, or it stays and does no harm.
  }
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // An unreadable file cannot be identified as this server's.
    return '';
  }
}
