// Work that changes a whole session, and of which there is one at a time over all nodes: undo, redo and compaction. The
// store knows the unfinished runs of other nodes, but not this work.

import { CodeBuddyError } from '../../base/errors.ts';
import type { AgentNode } from './agent-node.ts';
import type { Retries } from './retries.ts';

export interface LoneWork {
  /** @throws CodeBuddyError `session_busy` if the session is being changed already, by this or another node */
  take<T>(sessionId: string, work: () => Promise<T>): Promise<T>;
}

export interface LoneWorkOptions {
  /** Present if other nodes work on the store. */
  readonly shared: { readonly node: AgentNode; readonly retries: Retries } | undefined;
}

export function createLoneWork({ shared }: LoneWorkOptions): LoneWork {
  const working = new Set<string>();

  async function claimed<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    if (shared === undefined) return work();
    const { node, retries } = shared;
    const name = `session:${sessionId}`;
    if (!(await node.claims.claim(name))) throw beingChanged(sessionId);
    try {
      return await work();
    } finally {
      await node.claims.release(name).catch(() => {
        // Until then, other nodes refuse such work.
        retries.tryAgain(async () => {
          if (!working.has(sessionId)) await node.claims.release(name);
        });
      });
    }
  }

  return {
    async take(sessionId, work) {
      if (working.has(sessionId)) throw beingChanged(sessionId);
      working.add(sessionId);
      try {
        return await claimed(sessionId, work);
      } finally {
        working.delete(sessionId);
      }
    },
  };
}

export function beingChanged(sessionId: string): CodeBuddyError {
  return new CodeBuddyError(
    'session_busy',
    `Session ${sessionId} is being undone, redone or compacted. Try again when that has ended.`,
  );
}
