// Keeps what each attempt of a request got, by its Idempotency-Key: the client shows the last one only.

import type { Fetch } from '../../../src/client/connection.ts';
import type { Problem } from '../../../src/client/index.ts';

export interface Attempt {
  /** When it began, Unix ms. */
  readonly at: number;
  /** Undefined if no answer came. */
  status?: number;
  code?: string | undefined;
  detail?: string | undefined;
}

export interface Attempts {
  /** `fetch` that keeps the attempts. */
  readonly fetch: Fetch;
  /** The attempts with this key, which are forgotten then. */
  take(key: string): readonly Attempt[];
}

export function recordAttempts(fetch: Fetch): Attempts {
  const attempts = new Map<string, Attempt[]>();
  return {
    async fetch(url, request) {
      const key = request.headers['idempotency-key'];
      if (key === undefined) return fetch(url, request);
      const attempt: Attempt = { at: Date.now() };
      attempts.set(key, [...(attempts.get(key) ?? []), attempt]);
      const answer = await fetch(url, request);
      return {
        ...answer,
        async text() {
          const text = await answer.text();
          attempt.status = answer.status;
          if (answer.status >= 400)
            ({ code: attempt.code, detail: attempt.detail } = JSON.parse(text) as Partial<Problem>);
          return text;
        },
      };
    },
    take(key) {
      const taken = attempts.get(key) ?? [];
      attempts.delete(key);
      return taken;
    },
  };
}
