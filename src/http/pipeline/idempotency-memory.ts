// Keeps the first answers to Idempotency-Keys in memory if the host application provides no store: for 24 h, bounded in
// number and size. The oldest are dropped first.

import type { AnswerStore, StoredAnswer } from '../services.ts';

const lifetimeMs = 24 * 60 * 60 * 1000;
const maxAnswers = 1000;
const maxCharacters = 16 * 1024 * 1024;

/** @param now Unix ms. */
export function makeAnswerMemory(now: () => number = Date.now): AnswerStore {
  // In order of arrival, which is also the order of expiry.
  const kept = new Map<string, { readonly answer: StoredAnswer; readonly expiresAt: number }>();
  let characters = 0;

  function forget(key: string): void {
    characters -= kept.get(key)?.answer.body.length ?? 0;
    kept.delete(key);
  }

  return {
    async get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      if (found.expiresAt > now()) return { kind: 'answer', ...found.answer };
      forget(key);
      return undefined;
    },
    async put(key, answer) {
      forget(key);
      if (answer.body.length > maxCharacters) return;
      kept.set(key, { answer, expiresAt: now() + lifetimeMs });
      characters += answer.body.length;
      for (const [oldest, { expiresAt }] of kept) {
        if (kept.size <= maxAnswers && characters <= maxCharacters && expiresAt > now()) break;
        forget(oldest);
      }
    },
  };
}
