// Compares the cost of runs with the limits of a run, a session and a day (UTC). Crossing a threshold is one event. A
// limit ends the run after the step that reached it, and prevents further runs.

import { CodeBuddyError } from '../base/errors.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { Usage } from '../contract/usage.ts';
import type { NewEvent } from '../events/event-log.ts';
import type { Counters } from '../store/ownership.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { Store } from '../store/store.ts';
import type { Budget } from './driver.ts';

/** US dollars. @default no limit */
export interface CostLimits {
  readonly run?: number;
  readonly session?: number;
  readonly day?: number;
}

export interface SpendingOptions {
  readonly store: Pick<Store, 'listRuns'>;
  readonly limits: CostLimits;
  /** US dollars; a session or a day that crosses one logs an event. */
  readonly thresholds: readonly number[];
  readonly now: () => number;
  /** Sums over all nodes. @default this process is the only one */
  readonly counters?: Counters | undefined;
}

/** The cost of a step; the totals include it. */
export interface Spent {
  readonly cost: number;
  readonly runUsage: Usage;
  readonly runCost: number;
  readonly sessionCost: number;
}

export interface Spending {
  /** The cost of today (UTC), over all nodes. */
  today(): Promise<number>;
  /** @throws CodeBuddyError `cost_limit_reached` */
  requireRoom(sessionCost: number): Promise<void>;
  /** Books the cost of an answer without a run. Returns the events to log. */
  bookAlone(cost: number): Promise<readonly NewEvent[]>;
  /** Books `cost`. Returns the events to log, and the budget that is exhausted. */
  book(
    spent: Spent,
    options: PromptOptions,
  ): Promise<{ readonly events: readonly NewEvent[]; readonly budget: Budget | undefined }>;
}

/** How long a sum of stored runs is reused. */
const sumAgainMs = 10_000;

export function createSpending({ store, limits, thresholds, now, counters }: SpendingOptions): Spending {
  const countsDays = limits.day !== undefined || thresholds.length > 0;
  let today: { readonly day: string; cost: number } | undefined;
  let summed: { readonly day: string; readonly at: number; readonly cost: Promise<number> } | undefined;

  /** Adds to the cost of the day. Returns it before and after. */
  async function addToday(cost: number): Promise<{ readonly before: number; readonly after: number }> {
    if (counters === undefined) {
      const day = await ofToday();
      const before = day.cost;
      day.cost += cost;
      return { before, after: day.cost };
    }
    if (!countsDays) return { before: 0, after: 0 };
    const day = dayOf(now());
    const after = await counters.add(`cost:${day}`, cost, () => sumOf(day));
    return { before: after - cost, after };
  }

  /** Starts with the sum of the day's runs in the store, so that a restart keeps the total. */
  async function ofToday(): Promise<{ cost: number }> {
    const day = dayOf(now());
    if (today?.day === day) return today;
    const cost = await sumOf(day);
    // A concurrent call may have finished first.
    if (today?.day !== day) today = { day, cost };
    return today;
  }

  /** The cost of a day's runs that the store has. */
  async function sumOf(day: string): Promise<number> {
    const from = Date.parse(day);
    let cost = 0;
    let beforeId: string | undefined;
    for (;;) {
      const rows = await store.listRuns({ limit: 200, ...(beforeId === undefined ? {} : { beforeId }) });
      for (const { id, createdAt, details } of rows) {
        // Null without a known price.
        if (createdAt >= from)
          cost += parseRowJson<{ run?: { cost?: number | null } }>('runs', id, details).run?.cost ?? 0;
      }
      const last = rows.at(-1);
      if (last === undefined || last.createdAt < from) break;
      beforeId = last.id;
    }
    return cost;
  }

  /** Without a limit or a threshold, the nodes keep no counter: the stored runs are added up, at most every 10 s. */
  async function overNodes(): Promise<number> {
    const day = dayOf(now());
    const age = now() - (summed?.at ?? 0);
    if (summed?.day !== day || age >= sumAgainMs || age < 0) {
      summed = { day, at: now(), cost: sumOf(day) };
      summed.cost.catch(() => {
        summed = undefined;
      });
    }
    return summed.cost;
  }

  function crossed(scope: 'session' | 'day', before: number, after: number): NewEvent[] {
    return thresholds
      .filter((threshold) => before < threshold && after >= threshold)
      .map((threshold) => ({ type: 'cost.threshold', data: { scope, threshold, cost: round(after) } }));
  }

  return {
    async today() {
      if (counters !== undefined && !countsDays) return overNodes();
      return (await addToday(0)).after;
    },
    async requireRoom(sessionCost) {
      const { after: day } = await addToday(0);
      const full = (what: string, cost: number, limit: number): CodeBuddyError =>
        new CodeBuddyError(
          'cost_limit_reached',
          `${what} has cost $${round(cost)}; the limit (costLimits) is $${limit}.`,
        );
      if (limits.session !== undefined && sessionCost >= limits.session)
        throw full('This session', sessionCost, limits.session);
      if (limits.day !== undefined && day >= limits.day) throw full('This day', day, limits.day);
    },
    async bookAlone(cost) {
      const { before, after } = await addToday(cost);
      return crossed('day', before, after);
    },
    async book({ cost, runUsage, runCost, sessionCost }, options) {
      const day = await addToday(cost);
      const isOver = (total: number, limit: number | undefined): boolean =>
        limit !== undefined && total >= limit;
      const budget: Budget | undefined =
        isOver(runCost, options.maxCost) ||
        isOver(runCost, limits.run) ||
        isOver(sessionCost, limits.session) ||
        isOver(day.after, limits.day)
          ? 'cost_limit'
          : isOver(runUsage.totalTokens, options.maxTokens)
            ? 'token_limit'
            : undefined;
      return {
        events: [
          ...crossed('session', sessionCost - cost, sessionCost),
          ...crossed('day', day.before, day.after),
        ],
        budget,
      };
    },
  };
}

/** The day (UTC) of a time in Unix ms. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** To a millionth of a dollar: a step costs fractions of a cent. */
export function round(dollars: number): number {
  return Math.round(dollars * 1e6) / 1e6;
}
