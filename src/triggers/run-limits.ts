// How many runs a trigger may start, and what they may cost in a day. A place is taken before the run starts, so that
// calls at the same time cannot exceed a limit.

import { CodeBuddyError } from '../base/errors.ts';
import type { Counters } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import type { TriggerConfig } from './trigger-config.ts';

export interface RunLimits {
  /**
   * Takes a place. Call the result if no run was started.
   * @throws CodeBuddyError `trigger_limit_reached`, `cost_limit_reached`
   */
  take(config: TriggerConfig): Promise<() => void>;
}

export interface RunLimitsOptions {
  readonly store: Pick<Store, 'triggers'>;
  /** Sums over all nodes. @default this process is the only one */
  readonly counters: Counters | undefined;
  readonly now: () => number;
  /** Called if a place cannot be given back. */
  readonly warn: (message: string, error?: unknown) => void;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

export function createRunLimits({ store, counters, now, warn }: RunLimitsOptions): RunLimits {
  const take = counters === undefined ? takeOwn(store, now) : takeShared(counters, now, warn);

  async function requireBudget({ id, limits: { costPerDay } }: TriggerConfig): Promise<void> {
    if (costPerDay === undefined) return;
    const today = Date.parse(new Date(now()).toISOString().slice(0, 10));
    const cost = await store.triggers.costSince(id, today);
    if (cost < costPerDay) return;
    throw new CodeBuddyError(
      'cost_limit_reached',
      `The runs of the trigger have cost $${Math.round(cost * 1e6) / 1e6} today; the limit (limits.costPerDay) is $${costPerDay}.`,
    );
  }

  return {
    async take(config) {
      await requireBudget(config);
      return take(config);
    },
  };
}

type Take = RunLimits['take'];

/** The last starts of each trigger are kept in memory; those before the start of the process are read once. */
function takeOwn(store: Pick<Store, 'triggers'>, now: () => number): Take {
  const starts = new Map<string, Promise<number[]>>();

  async function read(id: string): Promise<number[]> {
    const calls = await store.triggers.listCalls({ triggerId: id, outcome: 'accepted', limit: 1000 });
    return calls.map(({ receivedAt }) => receivedAt).reverse();
  }

  return async ({ id, limits: { perMinute, perHour } }) => {
    let reading = starts.get(id);
    if (reading === undefined) {
      reading = read(id);
      starts.set(id, reading);
      // The next call reads again.
      reading.catch(() => starts.delete(id));
    }
    const times = await reading;
    const time = now();
    let kept = 0;
    let inMinute = 0;
    for (const one of times) {
      // A clock that was set back must not block the trigger.
      if (one <= time - hourMs || one > time + minuteMs) continue;
      times[kept++] = one;
      if (one > time - minuteMs) inMinute++;
    }
    times.length = kept;
    if (inMinute >= perMinute)
      throw limitReached('minute', perMinute, waitFor(times, perMinute, minuteMs, time));
    if (kept >= perHour) throw limitReached('hour', perHour, waitFor(times, perHour, hourMs, time));
    times.push(time);
    return () => {
      const at = times.lastIndexOf(time);
      if (at >= 0) times.splice(at, 1);
    };
  };
}

/** Until the oldest start that counts leaves the window. */
function waitFor(times: readonly number[], limit: number, windowMs: number, now: number): number {
  const oldest = times[times.length - limit] ?? now;
  return oldest + windowMs - now;
}

/** Whole minutes and hours, counted by all nodes together. */
function takeShared(counters: Counters, now: () => number, warn: RunLimitsOptions['warn']): Take {
  return async ({ id, limits: { perMinute, perHour } }) => {
    const time = now();
    const taken: string[] = [];
    const giveBack = (): void => {
      for (const name of taken)
        counters
          .add(name, -1, async () => 0)
          .catch((error: unknown) => warn(`a place of trigger ${id} could not be given back`, error));
    };
    for (const [word, windowMs, limit] of [
      ['minute', minuteMs, perMinute],
      ['hour', hourMs, perHour],
    ] as const) {
      const window = Math.floor(time / windowMs);
      const name = `trigger:${id}:${word}:${window}`;
      const count = await counters.add(name, 1, async () => 0);
      taken.push(name);
      if (count <= limit) continue;
      giveBack();
      throw limitReached(word, limit, (window + 1) * windowMs - time);
    }
    return giveBack;
  };
}

function limitReached(window: 'minute' | 'hour', limit: number, waitMs: number): CodeBuddyError {
  const [time, field] = window === 'minute' ? ['a minute', 'perMinute'] : ['an hour', 'perHour'];
  return new CodeBuddyError(
    'trigger_limit_reached',
    `The trigger has started ${limit} runs within ${time}, which is its limit (limits.${field}).`,
    { headers: { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1000))) } },
  );
}
