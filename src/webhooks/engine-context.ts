// The context that the parts of the engine share: the store, the log, the clock, the lanes, and background work.

import { setTimeout as sleep } from 'node:timers/promises';
import { callHost } from '../base/call-host.ts';
import type { Turns } from '../base/turns.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Store } from '../store/store.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import type { Lane } from './lane.ts';

export interface EngineContext {
  readonly store: Store;
  readonly log: EventLog;
  readonly clock: DeliveryClock;
  /** Every webhook by id, those of runs included. */
  readonly lanes: Map<string, Lane>;
  /** Changes to one webhook happen one after the other. */
  readonly turns: Turns;
  /** Event types of the host, beside the catalogue's. */
  readonly ownTypes: ReadonlySet<string> | undefined;
  /** If other nodes share the store. */
  readonly nodes?: ContextNodes | undefined;
  /** Aborted when the engine is closed. */
  readonly signal: AbortSignal;
  /** Reports a warning to the host. Never throws. */
  readonly warn: (message: string, error?: unknown) => void;
  /** Lets `work` continue in the background. A failure is a warning. */
  readonly inBackground: (work: Promise<unknown>) => void;
  /** Repeats `work` once a second until it succeeds. Rejects only if the engine is closed. */
  readonly untilDone: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface ContextNodes {
  /** Resolves when all nodes choose receivers by the registry of now, and what they chose before is committed. */
  settle(): Promise<void>;
  /** A replay is about to queue deliveries of these events. */
  replaying(webhookId: string, sequences: readonly number[]): void;
}

const retryAfterMs = 1000;

export function createContext(
  parts: Omit<EngineContext, 'warn' | 'inBackground' | 'untilDone'>,
  tellHost: ((message: string, error?: unknown) => void) | undefined,
): EngineContext {
  const { signal } = parts;

  /** A failure of the host's logger must not stop a delivery. */
  function warn(message: string, error?: unknown): void {
    callHost(() => tellHost?.(message, error));
  }

  return {
    ...parts,
    warn,
    inBackground(work) {
      work.catch((error: unknown) => {
        if (!signal.aborted) warn('a change to webhooks could not be saved', error);
      });
    },
    /** A store that fails for a while must not leave deliveries behind until the next start. */
    async untilDone(work) {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (signal.aborted) throw error;
          warn('the store failed while webhooks used it; trying again', error);
          await sleep(retryAfterMs, undefined, { ref: false });
        }
      }
    },
  };
}
