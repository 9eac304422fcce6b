// Keeps the stored answers of requests with an Idempotency-Key in the store, with their headers as JSON. With several
// nodes, a request claims its key, so that the same request to two nodes is done once. A key whose outcome is unknown
// has an answer with status 0: the take-over from a lost node adds it, or the node itself.

import { CodeBuddyError } from '../base/errors.ts';
import type { AnswerStore, RequestEnd, StoredAnswer } from '../http/services.ts';
import type { Claims, Ownership } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';

/** The end of a request that could not be recorded is recorded after this time. */
const recordAgainMs = 1000;
const lost: StoredAnswer = { fingerprint: '', status: 0, headers: {}, body: '' };

/** @param ownership of a store that other nodes use, too */
export function createAnswerStore(
  store: Store,
  ownership?: Pick<Ownership, 'claims'> & { readonly node: Pick<Ownership['node'], 'id'> },
): AnswerStore {
  async function put(key: string, { fingerprint, status, headers, body }: StoredAnswer): Promise<void> {
    await store.write([
      {
        kind: 'putAnswer',
        answer: { key, fingerprint, status, headers: JSON.stringify(headers), body, createdAt: Date.now() },
      },
    ]);
  }

  return {
    ...(ownership === undefined ? {} : createTurns(ownership.claims, put)),
    async get(key) {
      const row = await store.getAnswer(key);
      if (row === undefined) return undefined;
      if (row.status === 0) {
        // Of this request: its claim was taken over before its work began.
        if (row.fingerprint === ownership?.node.id) throw declaredDead();
        return { kind: 'lost' };
      }
      return {
        kind: 'answer',
        fingerprint: row.fingerprint,
        status: row.status,
        headers: JSON.parse(row.headers) as Record<string, string>,
        body: row.body,
      };
    },
    put,
  };
}

/** Claims of keys. The end of a request is recorded before the next request with its key begins on this node. */
function createTurns(
  claims: Claims,
  put: AnswerStore['put'],
): Required<Pick<AnswerStore, 'claim' | 'release'>> {
  const claimed = (key: string): string => `answer:${key}`;
  /** Ends that are not recorded yet. */
  const ends = new Map<string, RequestEnd>();
  /** Ends that are being recorded. */
  const recording = new Map<string, Promise<void>>();

  async function record(key: string, end: RequestEnd): Promise<void> {
    if (end.kind === 'answer') await put(key, end.answer);
    if (end.kind === 'unknown') await put(key, lost);
    await claims.release(claimed(key), { undone: end.kind === 'undone' });
    ends.delete(key);
  }

  function recorded(key: string): Promise<void> {
    const end = ends.get(key);
    if (end === undefined) return Promise.resolve();
    const current = recording.get(key);
    if (current !== undefined) return current;
    const started = record(key, end).finally(() => recording.delete(key));
    recording.set(key, started);
    return started;
  }

  function keepRecording(key: string): void {
    recorded(key).catch(() => setTimeout(() => keepRecording(key), recordAgainMs).unref());
  }

  function release(key: string, end: RequestEnd): void {
    ends.set(key, end);
    keepRecording(key);
  }

  return {
    async claim(key) {
      await recorded(key);
      try {
        return await claims.claim(claimed(key));
      } catch (error) {
        // The claim may have been made.
        release(key, { kind: 'undone' });
        throw error;
      }
    },
    release,
  };
}

function declaredDead(): CodeBuddyError {
  return new CodeBuddyError(
    'storage_unavailable',
    'This node was declared dead before it began the request; nothing was changed.',
    { headers: { 'Retry-After': '1' } },
  );
}
