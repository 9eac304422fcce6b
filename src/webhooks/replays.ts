// Replays events of the log to a webhook: those that a user asks for, or those that a disabled webhook missed.

import { CodeBuddyError } from '../base/errors.ts';
import type { Replayed, ReplaySelection } from '../contract/webhook-actions.ts';
import { expandTypes } from '../events/event-filter.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import { replay } from './replay.ts';
import { webhookBetweenOwners } from './webhook-errors.ts';

export interface Replays {
  /** @throws CodeBuddyError `replay_running`, `validation_failed` naming /after or /before */
  asked(lane: Lane, range: ReplaySelection): Promise<Replayed>;
  /** The same, concurrently with any other replay. */
  run(lane: Lane, range: ReplaySelection): Promise<Replayed>;
  /** Resolves when no replay to the webhook runs. */
  ended(webhookId: string): Promise<void>;
}

export function createReplays(
  { store, log, clock, ownTypes, signal, nodes }: EngineContext,
  wake: (lane: Lane) => void,
): Replays {
  const running = new Set<string>();
  const work = new Map<string, Set<Promise<unknown>>>();

  async function run(lane: Lane, selection: ReplaySelection): Promise<Replayed> {
    const done = start(lane, selection);
    const all = work.get(lane.id) ?? new Set();
    work.set(lane.id, all.add(done));
    try {
      const result = await done;
      // Another node owns the webhook now, so this node cannot queue the rest.
      if (lane.isRetired) throw webhookBetweenOwners(lane.id);
      return result;
    } finally {
      all.delete(done);
      if (all.size === 0) work.delete(lane.id);
    }
  }

  function start(lane: Lane, { events, ...range }: ReplaySelection): Promise<Replayed> {
    return replay({
      store,
      log,
      webhookId: lane.id,
      range,
      types: typesOf(lane, events),
      now: () => clock.now(),
      signal: {
        get aborted() {
          return signal.aborted || lane.isRetired;
        },
      },
      ...(nodes === undefined
        ? {}
        : { onQueueing: (sequences: readonly number[]) => nodes.replaying(lane.id, sequences) }),
      onQueued(sequences) {
        lane.queue.requeued(sequences);
        wake(lane);
      },
    });
  }

  function typesOf(lane: Lane, events: readonly string[] | undefined): readonly string[] | undefined {
    const wanted = expandTypes(lane.config.events, ownTypes);
    const asked = expandTypes(events, ownTypes);
    if (wanted === undefined) return asked;
    return asked === undefined ? wanted : wanted.filter((type) => asked.includes(type));
  }

  return {
    run,
    async ended(webhookId) {
      for (let all = work.get(webhookId); all !== undefined; all = work.get(webhookId))
        await Promise.allSettled(all);
    },
    async asked(lane, range) {
      if (running.has(lane.id))
        throw new CodeBuddyError(
          'replay_running',
          `A replay to webhook ${lane.id} is already running; wait until it has ended.`,
        );
      running.add(lane.id);
      try {
        return await run(lane, range);
      } finally {
        running.delete(lane.id);
      }
    },
  };
}
