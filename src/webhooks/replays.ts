// Replays events of the log to a webhook: those that a user asks for, or those that a disabled webhook missed.

import { CodeBuddyError } from '../base/errors.ts';
import type { Replayed, ReplaySelection } from '../contract/webhook-actions.ts';
import { expandTypes } from '../events/event-filter.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import { replay } from './replay.ts';

export interface Replays {
  /** @throws CodeBuddyError `replay_running`, `validation_failed` naming /after or /before */
  asked(lane: Lane, range: ReplaySelection): Promise<Replayed>;
  /** The same, concurrently with any other replay. */
  run(lane: Lane, range: ReplaySelection): Promise<Replayed>;
}

export function createReplays(
  { store, log, clock, ownTypes, signal }: EngineContext,
  wake: (lane: Lane) => void,
): Replays {
  const running = new Set<string>();

  function run(lane: Lane, { events, ...range }: ReplaySelection): Promise<Replayed> {
    return replay({
      store,
      log,
      webhookId: lane.id,
      range,
      types: typesOf(lane, events),
      now: () => clock.now(),
      signal,
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
