// What a session remembers from run to run, beside its messages: what it has cost, what it may do without asking, and what was summed up.
// It lies in the details of the session's row; a run holds it in memory while it works, and a session has one working run.

import type { Usage } from '../contract/usage.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { SessionRow, Write } from '../store/store.ts';
import type { Summary } from './driver.ts';
import type { PermissionRule } from './permissions/permission-rule.ts';

export interface SessionMemory {
  readonly usage: Usage;
  /** US dollars, of what has a price. */
  readonly cost: number;
  /** What `allow_always` has allowed. */
  readonly allowed: readonly RememberedRule[];
  readonly summary?: Summary;
  /** Tools that a provider refused: the session goes on without them. */
  readonly leftOut?: readonly string[];
}

/** `keyId`: of the run that was asked about. Rules of earlier releases lack it. */
export interface RememberedRule extends PermissionRule {
  readonly keyId?: string | null;
}

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
const fresh: SessionMemory = { usage: noUsage, cost: 0, allowed: [] };

/** Written by us, as JSON of this shape; a row of an earlier release lacks it. */
export function readSessionMemory({ id, details }: Pick<SessionRow, 'id' | 'details'>): SessionMemory {
  const { memory } = parseRowJson<{ memory?: Partial<SessionMemory> }>('sessions', id, details);
  return { ...fresh, ...memory };
}

export function patchSession(
  id: string,
  patch: { readonly model?: string; readonly memory?: Partial<SessionMemory> },
  now: number,
): Write {
  return { kind: 'patchSession', id, updatedAt: now, details: JSON.stringify(patch) };
}

export function addUsage(left: Usage, right: Usage): Usage {
  return {
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    totalTokens: left.totalTokens + right.totalTokens,
  };
}
