// Keeps the stored answers of requests with an Idempotency-Key in the store, with their headers as JSON. With several
// nodes, a request claims its key, so that the same request to two nodes is done once. If the
// node dies, the key is kept with status 0.

import type { AnswerStore } from '../http/services.ts';
import type { Claims } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';

/** A claim that could not be released is released after this time. */
const releaseAgainMs = 1000;

/** @param claims those of a store that other nodes use, too */
export function createAnswerStore(store: Store, claims?: Claims): AnswerStore {
  const claimed = (key: string): string => `answer:${key}`;
  /** Keys in use by requests of this node. */
  const inUse = new Set<string>();

  /** Releases under way. */
  const releasing = new Map<string, Promise<void>>();

  async function release(from: Claims, key: string): Promise<void> {
    if (inUse.has(key)) return;
    try {
      await from.release(claimed(key));
    } catch {
      setTimeout(() => startRelease(from, key), releaseAgainMs).unref();
    } finally {
      releasing.delete(key);
    }
  }

  function startRelease(from: Claims, key: string): void {
    releasing.set(key, release(from, key));
  }

  return {
    ...(claims === undefined
      ? {}
      : {
          async claim(key: string) {
            inUse.add(key);
            // It would release this claim.
            await releasing.get(key);
            const isOurs = await claims.claim(claimed(key)).catch((error: unknown) => {
              inUse.delete(key);
              throw error;
            });
            if (!isOurs) inUse.delete(key);
            return isOurs;
          },
          release(key: string) {
            inUse.delete(key);
            startRelease(claims, key);
          },
        }),
    async get(key) {
      const row = await store.getAnswer(key);
      if (row === undefined) return undefined;
      if (row.status === 0) return { kind: 'lost' };
      return {
        kind: 'answer',
        fingerprint: row.fingerprint,
        status: row.status,
        headers: JSON.parse(row.headers) as Record<string, string>,
        body: row.body,
      };
    },
    async put(key, { fingerprint, status, headers, body }) {
      await store.write([
        {
          kind: 'putAnswer',
          answer: { key, fingerprint, status, headers: JSON.stringify(headers), body, createdAt: Date.now() },
        },
      ]);
    },
  };
}
