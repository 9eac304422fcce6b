// The index of the words of messages. Words cost more than the message itself, so no commit waits for them: messages are
// added to the index in steps on the writer thread, some time after they were committed, and before a search.

import { maxPageText } from '../page-weight.ts';
import { type Row, toFoundMessage } from '../rows.ts';
import { toFts5 } from '../search/search-query.ts';
import type { MessageSearch } from '../store.ts';
import type { Reads } from './statements.ts';
import type { Writer } from './writer.ts';

export interface MessageIndex extends MessageSearch {
  /** Messages were committed. */
  added(): void;
  close(): void;
}

export interface MessageIndexOptions {
  readonly reads: Reads;
  readonly read: <T>(work: () => T) => Promise<T>;
  readonly call: Writer['call'];
}

/** Messages of a conversation come together. */
const delayMs = 5000;
/** A search waits this long for the index. Only the messages of an earlier release take longer. */
const longestWaitMs = 1000;
/** A few milliseconds. */
const matchesPerLook = 2000;
const afterAllPlaces = Number.MAX_SAFE_INTEGER;

export function createMessageIndex({ reads, read, call }: MessageIndexOptions): MessageIndex {
  let timer: NodeJS.Timeout | undefined;
  let filling: Promise<void> | undefined;
  let isClosed = false;

  function added(): void {
    if (isClosed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      // The next message or search tries again.
      void fill().catch(() => undefined);
    }, delayMs).unref();
  }

  /** Adds all messages, step by step. */
  function fill(): Promise<void> {
    filling ??= (async () => {
      try {
        while (!isClosed && (await call('indexMessages')) > 0);
      } finally {
        filling = undefined;
      }
    })();
    return filling;
  }

  const isComplete = (): Promise<boolean> => read(() => reads.unindexed.get() === undefined);

  async function waitUntilFilled(): Promise<boolean> {
    if (await isComplete()) return true;
    // A full disk must not keep a search from what the index has.
    const filled = fill().catch(() => undefined);
    let waiting: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      waiting = setTimeout(resolve, longestWaitMs);
    });
    await Promise.race([filled, enough]).finally(() => clearTimeout(waiting));
    return isComplete();
  }

  // Messages that were committed just before the process ended, or by an earlier release.
  void isComplete().then(
    (complete) => complete || added(),
    () => undefined,
  );

  return {
    added,
    async find({ items, limit, before, sessionId = null, role = null, archived }) {
      const isIndexing = !(await waitUntilFilled());
      const text = toFts5(items);
      const isArchived = archived === undefined ? null : Number(archived);
      const rows: Row[] = [];
      let size = 0;
      const page = (count: number) => {
        const shown = rows.slice(0, count);
        const last = shown.at(-1);
        const found = shown.map(toFoundMessage);
        return last === undefined || (count >= rows.length && size < maxPageText)
          ? { found, isIndexing }
          : { found, isIndexing, next: String(last.place) };
      };
      for (let place = before === undefined ? afterAllPlaces : Number(before); ; ) {
        const from = place;
        const places = await read(() => reads.matches.all(text, from, matchesPerLook));
        const last = places.at(-1)?.place;
        if (typeof last !== 'number') return page(limit);
        await read(() => {
          const left = limit + 1 - rows.length;
          const found = reads.matchedMessages.iterate(text, from, last, sessionId, role, isArchived, left);
          for (const row of found) {
            rows.push(row);
            size += String(row.content).length;
            if (size >= maxPageText) break;
          }
        });
        if (rows.length > limit || size >= maxPageText || places.length < matchesPerLook) return page(limit);
        place = last;
        // A common word of a rare session: other work gets its turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
