// The store for many nodes: one PostgreSQL database. An acknowledged write survives a crash of this process, and of the
// server as far as its settings promise. Each write transaction takes the numbers of its events from one row, so a
// reader that has seen a number has seen everything before it.

import type { SharedWebhookStore } from '../shared-webhook-store.ts';
import type { Store, StoreFeed } from '../store.ts';
import type { StoreLogger } from '../store-logger.ts';
import { composed } from './composed.ts';
import type { Database, DatabaseOptions } from './database.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { createDeliveryReader } from './delivery-reader.ts';
import { createEventReader } from './event-reader.ts';
import { createFileHistory } from './file-history.ts';
import { createFileStore } from './files.ts';
import { createMaintenance } from './maintenance.ts';
import { createMessageIndex } from './message-index.ts';
import { openDatabase } from './open-database.ts';
import { createRecordReader } from './record-reader.ts';
import { createSharedWebhooks } from './shared-webhooks.ts';
import type { WriteGuard } from './transaction.ts';
import { createTriggerStore } from './triggers.ts';
import { startWriter } from './writer.ts';

export interface PostgresStoreOptions
  extends Pick<DatabaseOptions, 'statementTimeoutMs' | 'connectTimeoutMs'> {
  /** `postgres://…`. `?max=` limits the connections (default 10), `?prepare=false` turns prepared statements off. */
  readonly url: string;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Told when the database cannot be reached or commits fail, and when they work again. @default none */
  readonly logger?: StoreLogger | undefined;
  /** How long to look for the outcome of a commit whose answer was lost. @default 30 000 */
  readonly doubtLimitMs?: number | undefined;
}

export interface PostgresStore extends Store {
  readonly webhooks: SharedWebhookStore;
  readonly database: Database;
  /** The node that writes from now on. Without one, other nodes must not use the database at the same time. */
  attach(node: StoreNode | undefined): void;
}

/** The parts of a node that the store uses. */
export interface StoreNode {
  readonly feed: StoreFeed;
  /** The guard for writes from now on. It is checked in the transaction. */
  readonly guard: () => WriteGuard;
  /** Events up to this sequence were committed. */
  appended(last: number): void;
  /** A `touch` was committed. */
  touched(): void;
}

/** Open the database, with the schema of this release. @throws StoreOpenError with one line for a person. */
export async function openPostgresStore({
  url,
  now = Date.now,
  logger,
  doubtLimitMs,
  ...options
}: PostgresStoreOptions): Promise<PostgresStore> {
  const { database, version } = await openDatabase({ url: parseDatabaseUrl(url), logger, ...options });
  let node: StoreNode | undefined;
  const guard = (): WriteGuard | undefined => node?.guard();
  const writer = await startWriter({
    database,
    guard,
    onCommitted({ batches }, last) {
      if (last !== undefined) node?.appended(last);
      if (batches.some(({ kind }) => kind === 'touch')) node?.touched();
    },
    logger,
    doubtLimitMs,
  });
  let closing: Promise<void> | undefined;
  const search = createMessageIndex({ database, guard });
  const { listQuestions, questionsOf, getQuestion, ...records } = createRecordReader(database);

  return {
    database,
    attach(next) {
      node = next;
    },
    get feed() {
      return node?.feed;
    },
    write(writes, options) {
      if (writes.some(({ kind }) => kind === 'addMessage')) search.added();
      return writer.write(writes, options);
    },
    search,
    ...createEventReader({ database, checksJson: version >= 160_000 }),
    async eventBounds() {
      const text = 'SELECT (SELECT min(sequence) FROM events) AS first, last FROM log_head';
      const { rows } = await database.read(composed(text));
      const last = Number(rows[0]?.last);
      return { first: typeof rows[0]?.first === 'number' ? rows[0].first : last + 1, last };
    },
    ...records,
    questions: { listQuestions, questionsOf, getQuestion },
    ...createDeliveryReader(database),
    ...createMaintenance({ database, guard, now }),
    fileHistory: createFileHistory({ database, guard }),
    files: createFileStore({ database, guard }),
    triggers: createTriggerStore({ database, guard, onChanged: () => node?.touched() }),
    webhooks: createSharedWebhooks({ database, guard, onChanged: () => node?.touched() }),
    close() {
      search.close();
      closing ??= writer.close().then(() => database.close());
      return closing;
    },
  };
}
