// Moves a database of ours to another name, whole or not at all. The name may also be that of another program's database, which is not touched:
// not even its `-wal` and `-shm` files are opened, since a reader may change those.

import {
  copyFileSync,
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
import { toOpenError } from './open-database.ts';
import { takeOwnership } from './owner-lock.ts';

/** Of the first release on. */
const ownTables = ['events', 'runs', 'probe'];

/**
 * Moves the database `from` to `to` if it is ours and nothing is there yet. Gives one line for a person if something was moved, or stays for a reason
 * that a person should know.
 * @throws StoreOpenError if another process holds it, or it cannot be moved
 */
export function moveDatabase(from: string, to: string): string | undefined {
  if (!existsSync(from)) return undefined;
  try {
    if (!isOwnDatabase(from)) return undefined;
    return moveOwned(from, to);
  } catch (error) {
    // Another process has moved it meanwhile.
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
  // The lock of a database that is elsewhere now; that of a link is still in use.
  if (!existsSync(real)) rmSync(`${real}.lock`, { force: true });
  return line;
}

function moveLocked(from: string, real: string, to: string): string | undefined {
  if (!isOwnDatabase(from)) return undefined;
  if (existsSync(to)) return `${from} is not used: there is a newer ${to}`;
  if (lstatSync(from).isSymbolicLink()) {
    // The file stays where it is, and so does its lock.
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

/** Is it one of ours, of whatever release? False for what cannot be read as a database. */
export function isOwnDatabase(path: string): boolean {
  const tables = readTables(path);
  if (tables.length > 0 || !hasContent(`${path}-wal`))
    return ownTables.every((name) => tables.includes(name));
  // A young database that was not closed: all of it is still in the write-ahead log, which is read from a copy.
  const folder = mkdtempSync(join(dirname(path), '.codebuddy-move-'));
  try {
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    const found = readTables(copy, { immutable: false });
    return ownTables.every((name) => found.includes(name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `immutable`: SQLite neither locks, nor recovers, nor writes anything (https://www.sqlite.org/uri.html#uriimmutable). */
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

/** Takes in what is in the `-wal` or `-journal` file, so that one rename moves all. */
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
