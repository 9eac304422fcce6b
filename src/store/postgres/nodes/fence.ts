// The fence between a node and the store: each transaction that writes checks the node's epoch first, and fails if the
// node was declared dead.

import { schemaVersion } from '../migrations.ts';
import { sqlState } from '../postgres-errors.ts';
import type { WriteGuard } from '../transaction.ts';
import { statements } from './statements.ts';

export interface FenceKey {
  readonly nodeId: string;
  readonly epoch: number;
}

export interface Fence {
  /** The epoch is 0 while the node is not a member; no row has it. */
  current(): FenceKey;
  /** The store refused a write with this key. */
  refused(key: FenceKey): void;
  /** The store refused a write because its schema is newer. */
  superseded(): void;
}

/** `check_fence` found that the node was declared dead. */
export function isFenced(error: unknown): boolean {
  return sqlState(error) === 'CB002';
}

/**
 * Returns the guard for writes from now on. It refuses writes that were accepted before the node was declared
 * dead, even if they are sent after it has joined again. There is one for each epoch.
 */
export function createWriteGuards(fence: Fence): () => WriteGuard {
  let last: { readonly epoch: number; readonly guard: WriteGuard } | undefined;
  return () => {
    const key = fence.current();
    if (last?.epoch !== key.epoch) last = { epoch: key.epoch, guard: createGuard(fence, key) };
    return last.guard;
  };
}

function createGuard(fence: Fence, key: FenceKey): WriteGuard {
  return async (session) => {
    try {
      await session.run(statements.checkFence, [key.nodeId, key.epoch, schemaVersion]);
    } catch (error) {
      if (isFenced(error)) fence.refused(key);
      if (sqlState(error) === 'CB003') fence.superseded();
      throw error;
    }
  };
}
