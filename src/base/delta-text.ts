// Joins deltas of one source.

import type { Delta } from '../contract/event.ts';

/** Whether two deltas continue the same text: of one message, or of one output of a tool call. */
export function isSameSource(left: Delta, right: Delta): boolean {
  if (left.type !== right.type || left.runId !== right.runId || left.sessionId !== right.sessionId)
    return false;
  // Each status replaces the one before.
  if (left.type === 'agent.status') return false;
  if (!('callId' in left.data) || !('callId' in right.data)) return true;
  return left.data.callId === right.data.callId && left.data.stream === right.data.stream;
}

export function withText(delta: Delta, text: string): Delta {
  return { ...delta, data: { ...delta.data, text } } as Delta;
}
