// Keeps one queued run for each coalescing key: that of the latest call. A call replaces the runs that are queued when it
// comes. Calls that reach several nodes at once do not see each other then, so each looks again after its commit. The
// later of two commits sees both runs, and the run of the call with the greater id stays.

import type { Store } from '../store/store.ts';
import type { TriggerCallRow } from '../store/trigger-store.ts';
import { type AcceptedCallRow, noteReplaced } from './call-log.ts';
import type { RunStarter } from './run-starter.ts';

export interface CoalescingOptions {
  readonly store: Pick<Store, 'triggers' | 'write'>;
  readonly runs: Pick<RunStarter, 'get' | 'withdraw'>;
  /** Called for errors that change nothing for the caller. */
  readonly warn: (message: string, error?: unknown) => void;
}

export interface Coalescing {
  /** The calls with this key whose runs are queued, newest first. */
  waiting(triggerId: string, coalesceKey: string): Promise<readonly AcceptedCallRow[]>;
  /** Withdraws all queued runs of the key but one, after the commit of a call. `before`: those that waited when it came. */
  settle(call: AcceptedCallRow, before: readonly AcceptedCallRow[]): Promise<void>;
}

export function createCoalescing({ store, runs, warn }: CoalescingOptions): Coalescing {
  const hasRun = (row: TriggerCallRow): row is AcceptedCallRow => row.runId !== null;

  async function waiting(triggerId: string, coalesceKey: string): Promise<readonly AcceptedCallRow[]> {
    return (await store.triggers.queuedCalls(triggerId, coalesceKey)).filter(hasRun);
  }

  /** True if the run never begins. */
  async function withdraw(loser: AcceptedCallRow, winner: AcceptedCallRow): Promise<boolean> {
    const reason = `replaced by run ${winner.runId}: a later call of trigger ${winner.triggerId}`;
    if (await runs.withdraw(loser.runId, reason)) return true;
    // Another node may have withdrawn it meanwhile.
    return (await runs.get(loser.runId))?.status === 'cancelled';
  }

  async function withdrawOthers(call: AcceptedCallRow, before: readonly AcceptedCallRow[]): Promise<void> {
    const after = await waiting(call.triggerId, call.coalesceKey ?? '');
    const idsBefore = new Set(before.map(({ id }) => id));
    const others = [...before, ...after.filter(({ id }) => id !== call.id && !idsBefore.has(id))];
    let replaced: string | undefined;
    for (const other of others) {
      // Clocks of nodes differ: a call that was there before is the earlier one, whatever its id.
      const isEarlier = idsBefore.has(other.id) || other.id < call.id;
      const [loser, winner] = isEarlier ? [other, call] : [call, other];
      if (!(await withdraw(loser, winner))) continue;
      if (winner === call) replaced ??= loser.runId;
      else await store.write([noteReplaced(winner, loser.runId)]);
    }
    // The commit named the newest run that waited. If that run has begun meanwhile, both work.
    if (replaced !== before[0]?.runId) await store.write([noteReplaced(call, replaced ?? null)]);
  }

  return {
    waiting,
    async settle(call, before) {
      try {
        await withdrawOthers(call, before);
      } catch (error) {
        warn(`the queued runs that run ${call.runId} replaces could not be withdrawn; they work, too`, error);
      }
    },
  };
}
