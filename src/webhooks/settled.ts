// Waits until deliveries have ended.

import { setTimeout as sleep } from 'node:timers/promises';
import { CodeBuddyError } from '../base/errors.ts';
import { createTurns } from '../base/turns.ts';
import type { Delivery } from '../contract/delivery.ts';
import type { DeliveryWithAttempts } from '../store/delivery-store.ts';
import type { EngineContext } from './engine-context.ts';
import { deliveryNotFound } from './webhook-errors.ts';

export interface Settled {
  /**
   * Resolves when all of these deliveries have ended.
   *
   * @throws CodeBuddyError `delivery_not_found`, `shutting_down`
   */
  settled(deliveries: readonly string[]): Promise<readonly Delivery[]>;
  /** A delivery has ended. */
  ended(id: string): void;
  /** Any delivery may have ended, or the engine was closed. */
  anyEnded(): void;
}

const keepAliveMs = 3_600_000;
const lookAgainMs = 200;

export function createSettled(
  { store, signal, nodes }: Pick<EngineContext, 'store' | 'signal' | 'nodes'>,
  view: (row: DeliveryWithAttempts) => Delivery,
): Settled {
  const waiters = new Map<string, Set<() => void>>();

  type Read = (id: string) => Promise<DeliveryWithAttempts | undefined>;

  async function settledOne(id: string, read: Read): Promise<Delivery> {
    // The engine's own timers let the process end, but not while the caller waits for a delivery.
    const alive = setInterval(() => undefined, keepAliveMs);
    try {
      return await whenEnded(id, read);
    } finally {
      clearInterval(alive);
    }
  }

  async function whenEnded(id: string, read: Read): Promise<Delivery> {
    for (;;) {
      // Registered before the store is read: it may end meanwhile.
      const changed = Promise.withResolvers<void>();
      const waiting = waiters.get(id) ?? new Set();
      waiters.set(id, waiting.add(changed.resolve));
      try {
        const row = await read(id);
        if (row === undefined) throw deliveryNotFound(id);
        if (row.status !== 'pending') return view(row);
        if (signal.aborted) throw new CodeBuddyError('shutting_down', 'The webhook engine is closed.');
        // This node is not told of deliveries that other nodes send.
        if (nodes === undefined) await changed.promise;
        else await Promise.race([changed.promise, sleep(lookAgainMs)]);
      } finally {
        waiting.delete(changed.resolve);
        if (waiting.size === 0) waiters.delete(id);
      }
    }
  }

  return {
    settled(deliveries) {
      // One read at a time, so that a call with many deliveries does not use all connections to the database.
      const reads = createTurns();
      const read: Read = (id) => reads.take('', () => store.getDelivery(id));
      return Promise.all(deliveries.map((id) => settledOne(id, read)));
    },
    ended(id) {
      const waiting = waiters.get(id);
      if (waiting !== undefined) for (const resolve of waiting) resolve();
    },
    anyEnded() {
      for (const waiting of [...waiters.values()]) for (const resolve of waiting) resolve();
    },
  };
}
