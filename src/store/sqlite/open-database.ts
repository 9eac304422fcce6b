// From a path to a database that is ours alone, in the right mode and of this release's version; every way that can fail is said
// in one line for a person. Source for the settings: https://www.sqlite.org/pragma.html#pragma_synchronous

import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../store-open-error.ts';
import { migrate, refuseForeign, refuseNewer } from './migrations.ts';
import { takeOwnership } from './owner-lock.ts';
import { createPrivateFile } from './private-file.ts';
import { isCorrupt } from './sqlite-errors.ts';

/** Where the store reports what a person should know; a pino logger fits. */
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

/** @throws StoreOpenError */
export function openOwnedDatabase(path: string, now: number, logger: StoreLogger | undefined): OwnedDatabase {
  try {
    const real = resolveLinks(path);
    const owner = takeOwnership(real, now);
    try {
      createPrivateFile(real);
      const database = openDatabase(real, logger);
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

function openDatabase(path: string, logger: StoreLogger | undefined): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true });
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
    return join(realpathSync(dirname(path)), basename(path));
  }
}

function toOpenError(path: string, cause: unknown): StoreOpenError {
  if (cause instanceof StoreOpenError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (isCorrupt(cause)) {
    return new StoreOpenError(
      'corrupt',
      `${path} is not a database of ours or is damaged (${reason}). Move it away to start afresh.`,
      { cause },
    );
  }
  return new StoreOpenError('unwritable', `${path} cannot be opened for writing: ${reason}`, { cause });
}
