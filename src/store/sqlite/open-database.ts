// From a path to a database that is ours alone, in the right mode and of this release's version; every way that can fail is said
// in one line for a person. Source for the settings: https://www.sqlite.org/pragma.html#pragma_synchronous

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileFault } from '../../base/file-errors.ts';
import { StoreOpenError } from '../store-open-error.ts';
import { migrate, refuseForeign, refuseNewer } from './migrations.ts';
import { takeOwnership } from './owner-lock.ts';
import { createPrivateFile } from './private-file.ts';
import { isCorrupt, isOutOfSpace, sqliteCode } from './sqlite-errors.ts';

/** Where the store reports what a person should know; a pino logger fits. What it throws is dropped. */
export interface StoreLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface OwnedDatabase {
  readonly database: DatabaseSync;
  /** The folder the database is in, with links resolved. */
  readonly directory: string;
  /** Closes the database and lets the next process have it. */
  close(): void;
}

export interface OpenDatabaseOptions {
  /** Unix ms, written to the owner file. */
  readonly now: number;
  readonly busyTimeoutMs: number;
  readonly logger: StoreLogger | undefined;
}

/** @throws StoreOpenError */
export function openOwnedDatabase(path: string, options: OpenDatabaseOptions): OwnedDatabase {
  try {
    const real = resolveLinks(path);
    const owner = takeOwnership(real, options.now);
    try {
      createPrivateFile(real);
      const database = openDatabase(real, options);
      return {
        database,
        directory: dirname(real),
        close() {
          try {
            database.close();
          } finally {
            owner.release();
          }
        },
      };
    } catch (error) {
      owner.release();
      throw error;
    }
  } catch (cause) {
    throw toOpenError(path, cause);
  }
}

function openDatabase(path: string, { busyTimeoutMs, logger }: OpenDatabaseOptions): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  try {
    // Before anything is written: a newer release's file is left as it is.
    refuseNewer(database, path);
    refuseForeign(database, path);
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
    if (mode !== 'wal') {
      logger?.warn(
        { path, mode },
        'the file system does not allow a write-ahead log; commits will be slower',
      );
    }
    database.exec('PRAGMA synchronous = FULL');
    // A checkpoint costs two more fsyncs; every 16 MiB of log instead of every 4.
    database.exec('PRAGMA wal_autocheckpoint = 400');
    // 16 MiB, taken as it is needed: the inner pages of the indices of a million events stay in memory.
    database.exec('PRAGMA cache_size = -16384');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The same database under two names must meet the same lock. */
function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const folder = dirname(path);
    try {
      return join(realpathSync(folder), basename(path));
    } catch (cause) {
      throw new StoreOpenError('unwritable', `${path} cannot be made: the folder ${folder} does not exist`, {
        cause,
      });
    }
  }
}

/** In one line that names the file at fault, which may be one beside the database. */
export function toOpenError(path: string, cause: unknown): StoreOpenError {
  if (cause instanceof StoreOpenError) return cause;
  if (isCorrupt(cause)) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new StoreOpenError(
      'corrupt',
      `${path} is not a database of ours or is damaged (${reason}). Move it away to start afresh.`,
      { cause },
    );
  }
  const fault = findFault(path, cause);
  return new StoreOpenError('unwritable', `${fault.path} cannot be opened for writing: ${fault.why}`, {
    cause,
  });
}

/** SQLite does not say which of its files it could not open, nor why. */
function findFault(path: string, cause: unknown): { readonly path: string; readonly why: string } {
  if (sqliteCode(cause) === undefined) return { path, why: fileFault(cause) };
  for (const ending of ['', '.lock', '-wal', '-shm', '-journal']) {
    const file = path + ending;
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (found.isDirectory()) return { path: file, why: 'it is a folder, not a file' };
    if (!found.isFile()) return { path: file, why: 'it is not a regular file' };
    try {
      accessSync(file, constants.R_OK | constants.W_OK);
    } catch (error) {
      return { path: file, why: fileFault(error) };
    }
  }
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    return { path: dirname(path), why: fileFault(error) };
  }
  if (isOutOfSpace(cause, dirname(path))) return { path, why: 'the disk is full' };
  return { path, why: cause instanceof Error ? cause.message : String(cause) };
}
