// The API key of the local user. The first start creates it in a file that only the user can read, where the CLI and the typed client find it.

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { fileError } from '../base/file-errors.ts';
import { ownFile } from '../base/home-paths.ts';
import { hasModes } from './home-folder.ts';

export interface LocalKey {
  readonly path: string;
  readonly key: string;
  /** For the log: other users could read the file until now. */
  readonly warning?: string;
}

export function localKeyPath(home: string): string {
  return ownFile(home, 'api-key');
}

/** Returns the key, or undefined before the first start. @throws Error if the file contains no key */
export function readLocalKey(home: string): string | undefined {
  const path = localKeyPath(home);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(path, 'cannot be read', error);
  }
  if (!/^[\x21-\x7e]{16,}$/.test(text)) {
    throw new Error(`${path} contains no API key. Remove the file; the next start creates a new one.`);
  }
  return text;
}

/** Never overwrites a key: two first starts at the same time end with one key. */
export function readOrCreateLocalKey(home: string): LocalKey {
  const path = localKeyPath(home);
  const existing = readLocalKey(home);
  if (existing === undefined) {
    try {
      createKeyFile(path);
    } catch (error) {
      throw fileError(path, 'cannot be created', error);
    }
    return { path, key: readLocalKey(home) as string };
  }
  if (!hasModes || (statSync(path).mode & 0o077) === 0) return { path, key: existing };
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    throw fileError(path, 'is readable by other users, and its mode cannot be changed', error);
  }
  return { path, key: existing, warning: `${path} was readable by other users; its mode is now 0600` };
}

function createKeyFile(path: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, `cbk_${randomBytes(32).toString('base64url')}\n`);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  try {
    // Unlike a rename, a link fails if the name is taken.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
