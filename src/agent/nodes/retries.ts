// Retries work that must be done while this node owns something, such as recording the end of a run, until the database
// answers. After this node was declared dead, its successor does the work.

import { CodeBuddyError } from '../../base/errors.ts';
import type { NodeLease } from '../../store/ownership.ts';

export interface Retries {
  /** Does it at once, and again after each error of the store. */
  keepTrying(work: () => Promise<unknown>): void;
  /** Does it again after an error of the store. */
  tryAgain(work: () => Promise<unknown>): void;
  close(): void;
}

const pauseMs = 1000;

/** @param onFault called with errors that a retry does not change */
export function createRetries(node: Pick<NodeLease, 'epoch'>, onFault: (error: unknown) => void): Retries {
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;

  async function attempt(work: () => Promise<unknown>, epoch: number): Promise<void> {
    if (closed || node.epoch !== epoch) return;
    try {
      await work();
    } catch (error) {
      if (error instanceof CodeBuddyError && error.code.startsWith('storage_')) attemptLater(work, epoch);
      else onFault(error);
    }
  }

  function attemptLater(work: () => Promise<unknown>, epoch: number): void {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void attempt(work, epoch);
    }, pauseMs);
    timers.add(timer);
  }

  return {
    keepTrying: (work) => void attempt(work, node.epoch),
    tryAgain: (work) => attemptLater(work, node.epoch),
    close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
