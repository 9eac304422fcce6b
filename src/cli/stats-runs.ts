// Counts runs, tokens and cost since a time. The event log has the end of every run, even of deleted sessions. The
// tokens of runs that ended without an answer are in the list of runs.

import { isRecord } from '../base/is-record.ts';
import type { CodeBuddyClient, LoggedEvent } from '../client/index.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import type { RunEnding } from '../contract/run.ts';
import { limits } from './field-limits.ts';
import type { ReadProgress } from './read-progress.ts';

/** The runs of one day and one model. */
export interface UsageRow {
  /** In UTC, like the limit of the cost of a day. */
  readonly day: string;
  /** Null for runs that no model answered. */
  readonly model: string | null;
  readonly runs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars of the runs whose cost is known. */
  readonly cost: number;
  readonly runsWithoutCost: number;
}

export interface RunStats {
  readonly runs: Readonly<Record<RunEnding, number>>;
  /** Oldest day first. */
  readonly usage: readonly UsageRow[];
  readonly total: Omit<UsageRow, 'day' | 'model'>;
}

export interface StatsQuery {
  /** RFC 3339. */
  readonly since: string;
  readonly progress: ReadProgress;
  readonly signal: AbortSignal;
}

export const pageSize = limits.page.maximum;

/** The usage of one run. */
interface Spent {
  readonly model: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null if it is unknown. */
  readonly cost: number | null;
}

const nothingSpent: Spent = { model: null, inputTokens: 0, outputTokens: 0, cost: 0 };
const noTotal = { runs: 0, inputTokens: 0, outputTokens: 0, cost: 0, runsWithoutCost: 0 };

export async function countRuns(client: CodeBuddyClient, query: StatsQuery): Promise<RunStats> {
  const runs = { completed: 0, failed: 0, cancelled: 0, interrupted: 0 };
  /** By day and model. */
  const rows = new Map<string, UsageRow>();
  let total = noTotal;
  const add = (day: string, spent: Spent): void => {
    const key = `${day} ${spent.model ?? ''}`;
    rows.set(key, { day, model: spent.model, ...plus(rows.get(key) ?? noTotal, spent) });
    total = plus(total, spent);
  };
  /** The days of runs that ended without an answer. */
  const unanswered = {
    failed: new Map(),
    cancelled: new Map(),
    interrupted: new Map(),
  } as const satisfies Record<Exclude<RunEnding, 'completed'>, Map<string, string>>;
  const seen = new Set<string>();
  for await (const event of endsSince(client, query)) {
    // Newest first: a run that was resumed counts by its last end.
    if (event.runId === undefined || seen.has(event.runId)) continue;
    seen.add(event.runId);
    const ending = endingOf(event);
    const day = event.timestamp.slice(0, 'YYYY-MM-DD'.length);
    runs[ending]++;
    if (ending === 'completed') add(day, spentIn(event.data));
    else unanswered[ending].set(event.runId, day);
  }
  for (const status of ['failed', 'cancelled', 'interrupted'] as const) {
    const wanted = unanswered[status];
    for await (const { id, spent } of wanted.size === 0 ? [] : spentByRuns(client, status, query)) {
      const day = wanted.get(id);
      if (day === undefined) continue;
      add(day, spent);
      wanted.delete(id);
      if (wanted.size === 0) break;
    }
    // Their sessions were deleted, or they were resumed in the meantime.
    for (const day of wanted.values()) add(day, nothingSpent);
  }
  const usage = [...rows].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
  return { runs, usage, total };
}

async function* endsSince(
  client: CodeBuddyClient,
  { since, progress, signal }: StatsQuery,
): AsyncGenerator<LoggedEvent> {
  const query = { type: runEndEvents.join(','), order: 'desc', limit: pageSize } as const;
  for await (const { events } of client.events.list(query, { signal }).pages()) {
    progress.read('runs', events.length);
    for (const event of events) {
      if (Date.parse(event.timestamp) < Date.parse(since)) return;
      yield event;
    }
  }
}

async function* spentByRuns(
  client: CodeBuddyClient,
  status: Exclude<RunEnding, 'completed'>,
  { progress, signal }: StatsQuery,
): AsyncGenerator<{ readonly id: string; readonly spent: Spent }> {
  for await (const { runs } of client.runs.list({ status, limit: pageSize }, { signal }).pages()) {
    progress.read('runs', runs.length);
    for (const { id, model, usage, cost } of runs) {
      const { inputTokens, outputTokens } = usage ?? nothingSpent;
      yield { id, spent: { model, inputTokens, outputTokens, cost: usage === null ? 0 : cost } };
    }
  }
}

function endingOf({ type, data }: LoggedEvent): RunEnding {
  if (type === 'run.complete') return 'completed';
  if (type === 'run.cancelled') return 'cancelled';
  return 'interrupted' in data && data.interrupted === true ? 'interrupted' : 'failed';
}

/** The fields of `run.complete`. */
function spentIn(data: unknown): Spent {
  if (!isRecord(data)) return nothingSpent;
  const usage = isRecord(data.usage) ? data.usage : {};
  return {
    model: typeof data.model === 'string' ? data.model : null,
    inputTokens: numberIn(usage.inputTokens) ?? 0,
    outputTokens: numberIn(usage.outputTokens) ?? 0,
    cost: numberIn(data.cost) ?? null,
  };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function plus(sum: RunStats['total'], { inputTokens, outputTokens, cost }: Spent): RunStats['total'] {
  return {
    runs: sum.runs + 1,
    inputTokens: sum.inputTokens + inputTokens,
    outputTokens: sum.outputTokens + outputTokens,
    // Rounded: sums of fractions have meaningless last digits.
    cost: Number((sum.cost + (cost ?? 0)).toFixed(10)),
    runsWithoutCost: sum.runsWithoutCost + (cost === null ? 1 : 0),
  };
}
