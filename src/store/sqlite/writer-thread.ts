// The writer thread: owns the database and makes every change of it, so that no fsync stops the main thread. Started by
// start-writer-thread.ts, told what to open by writer.ts. After a database is closed, it can open the next one.

import { type MessagePort, parentPort } from 'node:worker_threads';
import type { StoreLogger } from '../store-logger.ts';
import { createGroupCommit, type GroupCommit } from './group-commit.ts';
import { createMaintenance, type Maintenance } from './maintenance.ts';
import { type OwnedDatabase, openOwnedDatabase, toOpenError } from './open-database.ts';
import { isCallersFault, toStorageError } from './sqlite-errors.ts';
import { prepareWrites, type Statements } from './statements.ts';
import { packError } from './thread-error.ts';
import type { FromWriter, ToWriter, WriterData } from './writer-messages.ts';

interface Writer {
  readonly owned: OwnedDatabase;
  readonly commits: GroupCommit;
  readonly maintenance: Maintenance;
}

const port = parentPort as MessagePort;
const say = (message: FromWriter): void => port.postMessage(message);
const logger: StoreLogger = {
  warn(fields, message) {
    const { err, ...others } = fields;
    say({
      kind: 'warning',
      fields: err === undefined ? others : { ...others, err: packError(err) },
      message,
    });
  },
};

function open({ path, ...options }: WriterData): Writer {
  const owned = openOwnedDatabase(path, { ...options, logger });
  try {
    const statements = prepareWrites(owned.database);
    deleteDrafts(statements);
    const commits = createGroupCommit(owned.database, statements);
    return { owned, commits, maintenance: createMaintenance(statements, commits) };
  } catch (error) {
    owned.close();
    throw toOpenError(path, error);
  }
}

/**
 * Deletes copies of sessions that a crash left unfinished. No read finds them, so a full disk must not keep the store
 * from opening.
 */
function deleteDrafts(statements: Statements): void {
  try {
    statements.deleteDrafts.run();
  } catch (error) {
    if (isCallersFault(error)) throw error;
    logger.warn(
      { err: error },
      'an unfinished copy of a session could not be deleted; the next start tries again',
    );
  }
}

function serve({ owned, commits, maintenance }: Writer, message: Exclude<ToWriter, OpenOrClose>): void {
  const { directory } = owned;
  if (message.kind === 'commit') {
    try {
      const outcomes = commits
        .commit(message.callers)
        .map((outcome) => (outcome.kind === 'written' ? outcome.sequences : packError(outcome.error)));
      say({ kind: 'committed', outcomes });
    } catch (error) {
      say({ kind: 'failed', error: packError(toStorageError(error, directory)) });
    }
    return;
  }
  const { id, name, values } = message;
  try {
    const run = maintenance[name as keyof Maintenance] as (...values: readonly unknown[]) => unknown;
    say({ kind: 'result', id, value: run(...values) });
  } catch (error) {
    say({ kind: 'result', id, error: packError(toStorageError(error, directory)) });
  }
}

type OpenOrClose = { readonly kind: 'open' | 'close' };

let writer: Writer | undefined;

port.on('message', (message: ToWriter) => {
  if (message.kind === 'open') {
    try {
      writer = open(message);
      say({ kind: 'open', directory: writer.owned.directory });
    } catch (error) {
      say({ kind: 'notOpen', error: packError(error) });
    }
  } else if (message.kind === 'close') {
    try {
      writer?.owned.close();
      say({ kind: 'closed' });
    } catch (error) {
      say({ kind: 'closed', error: packError(error) });
    }
    writer = undefined;
  } else if (writer !== undefined) serve(writer, message);
});
