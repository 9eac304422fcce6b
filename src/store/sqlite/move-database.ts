// Move a database of this program to another name, as a whole or not at all. The old name may belong to a database of
// another program. That is not changed; even its `-wal` and `-shm` files are not opened, because a reader may change
// them.

import {
  existsSync,
  lstatSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { syncFolder } from '../../base/atomic-file.ts';
import { copyFile } from '../../base/copy-file.ts';
import { toOpenError } from './open-database.ts';
import { takeOwnership } from './owner-lock.ts';

/** Since the first release. */
const ownTables = ['events', 'runs', 'probe'];

/**
 * Move the database `from` to `to` if this program wrote it and `to` does not exist. Returns one line for a person if
 * it was moved, or if it stays for a reason worth knowing.
 * @throws StoreOpenError if another process has it open, or it cannot be moved
 */
export function moveDatabase(from: string, to: string): string | undefined {
  if (!existsSync(from)) return undefined;
  try {
    if (!isOwnDatabase(from)) return undefined;
    return moveOwned(from, to);
  } catch (error) {
    // Another process moved it meanwhile.
    if (!existsSync(from)) return undefined;
    throw toOpenError(from, error);
  }
}

function moveOwned(from: string, to: string): string | undefined {
  const real = realpathSync(from);
  const owner = takeOwnership(real, Date.now());
  let line: string | undefined;
  try {
    // Another process may have moved it before this one had the lock.
    if (existsSync(from)) line = moveLocked(from, real, to);
  } finally {
    owner.release();
  }
  // The lock file of the moved database. That of a link is still in use.
  if (!existsSync(real)) rmSync(`${real}.lock`, { force: true });
  return line;
}

function moveLocked(from: string, real: string, to: string): string | undefined {
  if (!isOwnDatabase(from)) return undefined;
  if (existsSync(to)) return `${from} is not used: there is a newer ${to}`;
  if (lstatSync(from).isSymbolicLink()) {
    // The file stays, and so does its lock.
    symlinkSync(real, to);
    rmSync(from);
  } else {
    foldIntoOneFile(from);
    renameSync(from, to);
    syncFolder(dirname(to));
    syncFolder(dirname(from));
  }
  return `${from} was moved to ${to}`;
}

/** Whether any release of this program wrote it. False for a file that is not a database. */
export function isOwnDatabase(path: string): boolean {
  const tables = readTables(path);
  if (tables.length > 0 || !hasContent(`${path}-wal`))
    return ownTables.every((name) => tables.includes(name));
  // A new database that was not closed is still in its write-ahead log alone. Read it from a copy.
  const folder = mkdtempSync(join(dirname(path), '.codebuddy-move-'));
  try {
    const copy = join(folder, 'copy.db');
    // Another server that starts now may fold the log into the database, and truncate it.
    for (const end of ['', '-wal']) copyFile(path + end, copy + end);
    const found = readTables(copy, { immutable: false });
    return ownTables.every((name) => found.includes(name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** With `immutable` SQLite does not lock, recover or write (https://www.sqlite.org/uri.html#uriimmutable). */
function readTables(path: string, { immutable } = { immutable: true }): readonly unknown[] {
  let database: DatabaseSync | undefined;
  try {
    const url = pathToFileURL(path);
    if (immutable) url.searchParams.set('immutable', '1');
    database = new DatabaseSync(url, { readOnly: immutable });
    return database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => name);
  } catch {
    // Not a database, damaged, or not readable for this user.
    return [];
  } finally {
    database?.close();
  }
}

/** Merge the `-wal` or `-journal` file, so that one rename moves everything. */
function foldIntoOneFile(path: string): void {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    const result = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (result?.busy === 1) throw new Error('another program has it open');
  } finally {
    database.close();
  }
  if (hasContent(`${path}-wal`) || hasContent(`${path}-journal`))
    throw new Error('another program has it open');
}

function hasContent(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
