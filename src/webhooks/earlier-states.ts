// The saved states of webhooks that the store had when this process started. A webhook that returns to webhooks.json
// gets its state back.

import type { WebhookStateRow } from '../store/delivery-store.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import { newState, readState, type SavedState } from './saved-state.ts';

export interface EarlierStates {
  /** A new state if there is none, or if it cannot be read. */
  of(webhookId: string): SavedState;
  /** Returns true if there was one. */
  forget(webhookId: string): boolean;
}

export function createEarlierStates(
  rows: readonly WebhookStateRow[],
  clock: DeliveryClock,
  warn: (message: string, error?: unknown) => void,
): EarlierStates {
  const texts = new Map(rows.map(({ webhookId, state }) => [webhookId, state]));
  return {
    of(webhookId) {
      const text = texts.get(webhookId);
      if (text === undefined) return newState;
      try {
        return readState(text, clock.now());
      } catch (error) {
        warn(`the saved state of webhook ${webhookId} cannot be read; it starts with a new one`, error);
        return newState;
      }
    },
    forget: (webhookId) => texts.delete(webhookId),
  };
}
