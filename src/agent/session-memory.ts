// The memory of a session that lasts from run to run, besides its messages: its cost, the permissions given with
// `allow_always`, and the summary. It is stored in the session's row. The session's working run (one at most) keeps it
// in memory.

import { CodeBuddyError } from '../base/errors.ts';
import type { PlanEntry } from '../contract/plan.ts';
import type { Usage } from '../contract/usage.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { SessionRow, Write } from '../store/store.ts';
import type { Summary } from './driver.ts';
import type { AgentSession } from './foreign-types.ts';
import type { PermissionRule } from './permissions/permission-rule.ts';

export interface SessionMemory {
  readonly usage: Usage;
  /** US dollars, of calls with a known price. */
  readonly cost: number;
  /** The rules that `allow_always` has added. */
  readonly allowed: readonly RememberedRule[];
  readonly summary?: Summary;
  /** Tools that a provider refused: the session continues without them. */
  readonly leftOut?: readonly string[];
  /** The session of the foreign agent that answers this one. */
  readonly agentSession?: AgentSession;
  /** The latest plan of the agent. */
  readonly plan?: readonly PlanEntry[];
  /** Present if messages of the session are undone. */
  readonly undos?: UndoMemory;
}

export interface UndoMemory {
  /** The runs whose prompts are hidden. */
  readonly runIds?: readonly string[];
  /** An undo or redo has begun and not ended. */
  readonly isPending?: true;
}

/** `keyId`: the API key of the run that asked. Rules of earlier releases lack it. */
export interface RememberedRule extends PermissionRule {
  readonly keyId?: string | null;
}

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
const fresh: SessionMemory = { usage: noUsage, cost: 0, allowed: [] };

/** Rows of earlier releases lack `memory`. */
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

/**
 * The writes by which a new prompt makes the undos of its session final.
 * @throws CodeBuddyError `session_busy` if a crash has interrupted one
 */
export function dropUndos(id: string, { undos }: SessionMemory, now: number): readonly Write[] {
  if (undos === undefined) return [];
  if (undos.isPending === true)
    throw new CodeBuddyError(
      'session_busy',
      `An undo of session ${id} was interrupted. Send POST /api/sessions/${id}/undo or /redo again to finish it.`,
    );
  return [
    { kind: 'dropUndos', sessionId: id },
    { kind: 'patchSession', id, updatedAt: now, details: JSON.stringify({ memory: { undos: null } }) },
  ];
}
