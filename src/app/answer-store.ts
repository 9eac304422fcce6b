// Keeps the stored answers of requests with an Idempotency-Key in the store, with their headers as JSON.

import type { AnswerStore } from '../http/services.ts';
import type { Store } from '../store/store.ts';

export function createAnswerStore(store: Store): AnswerStore {
  return {
    async get(key) {
      const row = await store.getAnswer(key);
      if (row === undefined) return undefined;
      return {
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
