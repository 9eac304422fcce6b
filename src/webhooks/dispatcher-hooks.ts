// The callbacks from the dispatcher to the engine. An error of a hook must not reach the dispatcher: a slot would stay
// taken, or a result would not be recorded.

import { callHost } from '../base/call-host.ts';
import type { DeliveryChange, DeliveryRow } from '../store/delivery-store.ts';
import type { Lane } from './lane.ts';
import type { TransportResult } from './transport-result.ts';
import type { Verdict } from './verdict.ts';
import type { HealthChange } from './webhook-health.ts';

export interface DispatcherHooks {
  /** Called after the record of an attempt is committed. */
  onRecorded(lane: Lane, delivery: DeliveryRow, change: DeliveryChange): void;
  /** Called when a request has ended, before its record is written. */
  onAttempt(lane: Lane, verdict: Verdict, result: TransportResult): void;
  /** A webhook is failing, has recovered, or must be disabled. */
  onHealth(lane: Lane, change: HealthChange | 'gone' | 'receiver_asked', reason: string): void;
  /** This machine can send nothing now, or can again (undefined). Called for every attempt, so it repeats. */
  onTrouble(message: string | undefined): void;
  /** True if the machine has no network: a failure to connect says nothing about a receiver. */
  isOffline(lane: Lane): boolean;
  /** This machine cannot reach the webhook's target, or can again (undefined). Called once for each change. */
  onUnreachable(lane: Lane, message: string | undefined): void;
  /** Called for internal errors. */
  onError(error: unknown): void;
}

export function guardHooks(hooks: DispatcherHooks): DispatcherHooks {
  const onError = (error: unknown): void => callHost(() => hooks.onError(error));
  function guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      onError(error);
    }
  }
  return {
    onError,
    onRecorded: (...args) => guarded(() => hooks.onRecorded(...args)),
    onAttempt: (...args) => guarded(() => hooks.onAttempt(...args)),
    onHealth: (...args) => guarded(() => hooks.onHealth(...args)),
    onUnreachable: (...args) => guarded(() => hooks.onUnreachable(...args)),
    onTrouble: (message) => guarded(() => hooks.onTrouble(message)),
    isOffline(lane) {
      try {
        return hooks.isOffline(lane);
      } catch (error) {
        onError(error);
        return false;
      }
    },
  };
}
