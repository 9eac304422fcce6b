// Applies the outcome of an attempt to its webhook: saved state, request limit, and the events that the engine must
// emit.

import type { DeliveryStore } from '../store/delivery-store.ts';
import type { DispatcherHooks } from './dispatcher-hooks.ts';
import type { Lane } from './lane.ts';
import type { SavedState } from './saved-state.ts';
import type { Verdict } from './verdict.ts';
import { afterAnswer, afterFailure, afterSuccess, type HealthChange } from './webhook-health.ts';

export interface HealthUpdatesOptions {
  readonly store: Pick<DeliveryStore, 'hastenWaiting'>;
  /** 0 to 1. */
  readonly random: () => number;
  readonly hooks: Pick<DispatcherHooks, 'onHealth' | 'onError'>;
  /** Deliveries that waited in the store are due now. */
  readonly onHastened: (lane: Lane) => void;
}

export interface HealthUpdates {
  /** Returns true if the saved state has changed. `wasUnreachable`: this machine could not reach the target before. */
  apply(
    lane: Lane,
    verdict: Verdict,
    context: { readonly now: number; readonly isUrgent: boolean; readonly wasUnreachable: boolean },
  ): boolean;
  close(): void;
}

const hastenStep = 500;

export function createHealthUpdates({
  store,
  random,
  hooks,
  onHastened,
}: HealthUpdatesOptions): HealthUpdates {
  let isClosed = false;

  /** The receiver is back: deliveries that failed because it was away need not wait for their retry. */
  async function hasten(lane: Lane, now: number, withinMs: number): Promise<void> {
    for (;;) {
      const count = await store.hastenWaiting(lane.id, { now, withinMs, max: hastenStep });
      if (count > 0) {
        lane.queue.hastened(now);
        onHastened(lane);
      }
      if (count < hastenStep || isClosed) return;
    }
  }

  return {
    apply(lane, verdict, { now, isUrgent, wasUnreachable }) {
      const before = lane.state;
      const wasOpen = before.openUntil !== null;
      let state: SavedState = before;
      let change: HealthChange | undefined;
      if (verdict.outcome === 'success') {
        ({ state, change } = afterSuccess(before));
        // The receiver accepts requests, although it asked for a pause.
        if (isUrgent && state.pausedUntil !== null) state = { ...state, pausedUntil: null };
        lane.succeeded(now, wasOpen || wasUnreachable);
      } else if (verdict.counts && verdict.sign !== 'unknown') {
        ({ state, change } = afterFailure(before, now, random(), verdict.sign));
        if (verdict.slowDown) lane.overloaded();
      } else if (verdict.sign === 'alive') state = afterAnswer(before);
      const hasClosed = wasOpen && state.openUntil === null;
      if (verdict.pauseMs !== undefined) {
        // Never sooner than the receiver asked for.
        const until = now + Math.round(verdict.pauseMs * (1 + 0.1 * random()));
        state = { ...state, pausedUntil: Math.max(until, state.pausedUntil ?? 0) };
      }
      if (verdict.isUnauthorized && state.previousSecrets.length > 0)
        state = { ...state, swapLegacy: !state.swapLegacy };
      if (state !== before) lane.setState(state);
      if (hasClosed) {
        if (verdict.outcome !== 'success') lane.recovered();
        // If this fails, they are sent when they are due.
        hasten(lane, now, now - (before.openedAt ?? now)).catch(hooks.onError);
      }
      const announced = verdict.disable ?? change;
      if (announced !== undefined) hooks.onHealth(lane, announced, verdict.message ?? verdict.outcome);
      return state !== before;
    },
    close() {
      isClosed = true;
    },
  };
}
