// Runs a plan of writes in a transaction: batch after batch, then the events. Only patches are waited for, because they
// apply to what the database has.

import { requireRoomFor } from '../metadata-limit.ts';
import { parseRowJson } from '../row-json.ts';
import { appendRows } from './append-rows.ts';
import type { Result, Session } from './database.ts';
import type { JsonRow } from './encode-writes.ts';
import { mergePatchText } from './merge-patch.ts';
import type { WritePlan } from './write-plan.ts';
import { appends, patches, steps } from './write-statements.ts';

export interface RunPlanOptions {
  readonly plan: WritePlan;
  /** The drafts of sessions are marked with it. */
  readonly writer: string;
}

export interface SentPlan {
  /** The answer that has the last number of the events; undefined without events. */
  readonly numbers: Promise<Result> | undefined;
}

/** Send the statements of a plan. Their errors are found by the transaction. */
export async function runPlan(session: Session, { plan, writer }: RunPlanOptions): Promise<SentPlan> {
  for (const { kind, rows } of plan.batches) {
    if (kind === 'patchSession' || kind === 'patchRun') await runPatches(session, kind, rows);
    else {
      const values = [JSON.stringify(rows), ...(kind === 'draftSession' ? [writer] : [])];
      void session.run(steps[kind], values);
    }
  }
  if (plan.appends.length === 0) return { numbers: undefined };
  const { count, events, payloads, deliveries } = appendRows(plan.appends);
  const numbers = session.run(appends.takeNumbers, [count]);
  void session.run(appends.addEvents, [events, count]);
  if (payloads !== undefined) void session.run(appends.addPayloads, [payloads, count]);
  if (deliveries !== undefined) void session.run(appends.addDeliveries, [deliveries, count]);
  return { numbers };
}

async function runPatches(
  session: Session,
  kind: 'patchSession' | 'patchRun',
  rows: readonly JsonRow[],
): Promise<void> {
  const { table, lock, update } = patches[kind];
  const ids = [...new Set(rows.map(({ id }) => id))];
  const locked = await session.run(lock, [JSON.stringify(ids.map((id) => ({ id })))]);
  const merged = new Map<unknown, JsonRow>(
    locked.rows.map(({ id, details }) => [id, { details: details as string }]),
  );
  for (const { details, limits_metadata, ...patch } of rows) {
    const before = merged.get(patch.id);
    // A row that was deleted is left alone.
    if (before === undefined) continue;
    const patched = mergePatchText(
      parseRowJson(table, String(patch.id), String(before.details)),
      String(details),
    );
    if (limits_metadata === 1) {
      const { metadata = {} } = JSON.parse(patched) as { readonly metadata?: unknown };
      requireRoomFor(metadata);
    }
    merged.set(patch.id, { ...before, ...withoutNulls(patch), details: patched });
  }
  const changed = [...merged.values()];
  if (changed.length > 0) void session.run(update, [JSON.stringify(changed)]);
}

/** A patch without a title keeps the title of an earlier patch. */
function withoutNulls(row: JsonRow): JsonRow {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
