// Reads an agent's plan. An entry that cannot be read is left out.

import { isRecord } from '../../base/is-record.ts';
import { shorten } from '../../base/text.ts';
import { type PlanEntry, planEntrySchema } from '../../contract/plan.ts';

const maxEntries = 100;
const maxText = 2000;

export function readPlan(entries: unknown): readonly PlanEntry[] {
  if (!Array.isArray(entries)) return [];
  const { status, priority } = planEntrySchema.properties;
  return entries
    .filter(isRecord)
    .slice(0, maxEntries)
    .map((entry) => ({
      content: shorten(String(entry.content ?? ''), maxText),
      status: status.enum.find((one) => one === entry.status) ?? 'pending',
      priority: priority.enum.find((one) => one === entry.priority) ?? 'medium',
    }));
}
