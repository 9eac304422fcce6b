// The key of the local user: made at the first start, kept in a file that only the user can read, found there by the CLI and the
// typed client, so nobody has to type it.

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
  /** Something a person should hear of, e.g. that others could read the key. */
  readonly warning?: string;
}

export function localKeyPath(home: string): string {
  return ownFile(home, 'api-key');
}

/** The key, or undefined where no server has been started yet. @throws Error if the file holds no key */
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
    throw new Error(`${path} holds no API key; remove the file to have a new one made`);
  }
  return text;
}

/** Never overwrites: two first starts at once end with one key. */
export function readOrCreateLocalKey(home: string): LocalKey {
  const path = localKeyPath(home);
  const existing = readLocalKey(home);
  if (existing === undefined) {
    try {
      createKeyFile(path);
    } catch (error) {
      throw fileError(path, 'cannot be made', error);
    }
    return { path, key: readLocalKey(home) as string };
  }
  if (!hasModes || (statSync(path).mode & 0o077) === 0) return { path, key: existing };
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    throw fileError(path, 'could be read by others, and its mode cannot be changed', error);
  }
  return { path, key: existing, warning: `${path} could be read by others; its mode is 0600 now` };
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
    // Unlike a rename, a link fails where the name is taken.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
