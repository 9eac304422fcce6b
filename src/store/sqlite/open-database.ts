// Open a database for this process alone, with the right mode and the schema of this release. Each failure is reported
// in one line for a person. Source for the settings: https://www.sqlite.org/pragma.html#pragma_synchronous

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileFault } from '../../base/file-errors.ts';
import type { StoreLogger } from '../store-logger.ts';
import { StoreOpenError } from '../store-open-error.ts';
import { migrate, refuseForeign, refuseNewer } from './migrations.ts';
import { takeOwnership } from './owner-lock.ts';
import { createPrivateFile } from './private-file.ts';
import { isCorrupt, isOutOfSpace, sqliteCode } from './sqlite-errors.ts';

export interface OwnedDatabase {
  readonly database: DatabaseSync;
  /** The folder of the database, with links resolved. */
  readonly directory: string;
  /** Close the database and release it for the next process. */
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
    // Before anything is written, so that the file of a newer release is not changed.
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
    // Every 1.6 MiB of log instead of every 4: the commit that a checkpoint follows waits for it, 2 ms instead of 3.
    database.exec('PRAGMA wal_autocheckpoint = 400');
    // 4 MiB keep the inner index pages of a million events in memory. The system caches the others.
    database.exec('PRAGMA cache_size = -4096');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Two names of one database must lead to the same lock. */
function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const folder = dirname(path);
    try {
      return join(realpathSync(folder), basename(path));
    } catch (cause) {
      throw new StoreOpenError(
        'unwritable',
        `${path} cannot be created: the folder ${folder} does not exist`,
        {
          cause,
        },
      );
    }
  }
}

/** An error of one line that names the faulty file, which may be one beside the database. */
export function toOpenError(path: string, cause: unknown): StoreOpenError {
  if (cause instanceof StoreOpenError) return cause;
  if (isCorrupt(cause)) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new StoreOpenError(
      'corrupt',
      `${path} is damaged or not a database of this program (${reason}). Move it away to start afresh.`,
      { cause },
    );
  }
  const fault = findFault(path, cause);
  return new StoreOpenError('unwritable', `${fault.path} cannot be opened for writing: ${fault.why}`, {
    cause,
  });
}

/** Find the file that SQLite could not open, and the reason. SQLite does not tell. */
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
