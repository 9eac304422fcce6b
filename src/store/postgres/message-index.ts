// The index of the words of messages. Messages are added to it in steps, some time after they were committed, and before
// a search; see the one of SQLite. Any node adds the messages of all.

import { maxPageText } from '../page-weight.ts';
import { type Row, toFoundMessage } from '../rows.ts';
import { searchedWords } from '../search/message-words.ts';
import { toTsQuery } from '../search/search-query.ts';
import { toTsVector } from '../search/ts-vector.ts';
import type { MessageSearch } from '../store.ts';
import { composed, createConditions, whereClause } from './composed.ts';
import type { Database, Statement } from './database.ts';
import { throwStorageError } from './postgres-errors.ts';
import { inTransaction, type WriteGuard } from './transaction.ts';

export interface MessageIndex extends MessageSearch {
  /** Messages were committed. */
  added(): void;
  close(): void;
}

export interface MessageIndexOptions {
  readonly database: Database;
  readonly guard: () => WriteGuard | undefined;
}

const delayMs = 5000;
/** A search waits this long for the index. Only the messages of an earlier release take longer. */
const longestWaitMs = 1000;
const messagesPerStep = 50;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const bytesPerUnit = 3;

const statements = {
  // Rows that another node works on are skipped. Messages that were deleted meanwhile leave the list, too.
  takeUnindexed: {
    name: 'takeUnindexed',
    text: `DELETE FROM unindexed_messages WHERE message_id IN (
      SELECT message_id FROM unindexed_messages ORDER BY message_id DESC LIMIT $1 FOR UPDATE SKIP LOCKED)
      RETURNING message_id`,
  },
  unindexedContents: {
    name: 'unindexedContents',
    text: 'SELECT id, content FROM messages WHERE id = ANY($1::text[]) ORDER BY id FOR KEY SHARE',
  },
  addMessageWords: {
    name: 'addMessageWords',
    text: `INSERT INTO message_words (message_id, words)
      SELECT id, words::tsvector FROM unnest($1::text[], $2::text[]) AS w (id, words) ON CONFLICT (message_id) DO NOTHING`,
  },
  hasUnindexed: {
    name: 'hasUnindexed',
    text: 'SELECT EXISTS (SELECT FROM unindexed_messages) AS value',
  },
} as const satisfies Readonly<Record<string, Statement>>;

export function createMessageIndex({ database, guard }: MessageIndexOptions): MessageIndex {
  let timer: NodeJS.Timeout | undefined;
  let filling: Promise<void> | undefined;
  let isClosed = false;

  /** Adds the next messages. Resolves to how many left the list. */
  function step(): Promise<number> {
    return inTransaction({ database, pool: 'others', guard: guard() }, async (session) => {
      const taken = await session.run(statements.takeUnindexed, [messagesPerStep]);
      if (taken.rows.length === 0) return 0;
      const ids = taken.rows.map(({ message_id }) => message_id);
      const { rows } = await session.run(statements.unindexedContents, [ids]);
      const vectors = rows.map(({ content }) => toTsVector(searchedWords(String(content))));
      void session.run(statements.addMessageWords, [rows.map(({ id }) => id), vectors]);
      return ids.length;
    });
  }

  function fill(): Promise<void> {
    filling ??= (async () => {
      try {
        while (!isClosed && (await step()) > 0);
      } finally {
        filling = undefined;
      }
    })();
    return filling;
  }

  function added(): void {
    if (isClosed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      // The next message or search tries again.
      void fill().catch(() => undefined);
    }, delayMs).unref();
  }

  async function isComplete(): Promise<boolean> {
    const { rows } = await database.read(statements.hasUnindexed).catch(throwStorageError);
    return rows[0]?.value !== true;
  }

  async function waitUntilFilled(): Promise<boolean> {
    if (await isComplete()) return true;
    let waiting: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      waiting = setTimeout(resolve, longestWaitMs);
    });
    await Promise.race([fill().catch(() => undefined), enough]).finally(() => clearTimeout(waiting));
    return isComplete();
  }

  // Messages of an earlier release, and of a node that died.
  added();

  return {
    added,
    async find({ items, limit, before, sessionId, role, archived }) {
      const isIndexing = !(await waitUntilFilled());
      const { texts, list, add, where } = createConditions();
      where('w.words @@ ?::tsquery', toTsQuery(items));
      texts.push('s.draft_of IS NULL');
      where('w.message_id < ?', before);
      where('m.session_id = ?', sessionId);
      where('m.role = ?', role);
      where('s.is_archived = ?', archived === undefined ? undefined : Number(archived));
      const page = `SELECT m.*, s.title, s.is_archived FROM message_words w JOIN messages m ON m.id = w.message_id
        JOIN sessions s ON s.id = m.session_id${whereClause(texts)} ORDER BY w.message_id DESC LIMIT ${add(limit + 1)}`;
      // Rows beyond the most text of a page are not sent at all, except for their ids.
      const size = 'sum(octet_length(content)) OVER (ORDER BY id DESC) - octet_length(content)';
      const text = `SELECT * FROM (SELECT p.*, ${size} AS size_before, lead(id) OVER (ORDER BY id DESC) IS NOT NULL AS has_next
          FROM (${page}) AS p) AS q WHERE size_before < ${add(maxPageText * bytesPerUnit)}::bigint ORDER BY id DESC`;
      const { rows } = await database.read(composed(text), list).catch(throwStorageError);
      const shown: readonly Row[] = rows.slice(0, limit);
      const last = shown.at(-1);
      const found = shown.map(toFoundMessage);
      return last?.has_next === true ? { found, isIndexing, next: String(last.id) } : { found, isIndexing };
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
