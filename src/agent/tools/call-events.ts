// The events of a tool call: `tool.start`, then `tool.complete` or `tool.error`. Long parameters and results are cut,
// since every event goes to every stream and webhook; the session keeps the whole result.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import { wellFormedDeep } from '../../base/text.ts';
import type { NewEvent } from '../../events/event-log.ts';
import { capText } from './cap-output.ts';
import type { ToolOutcome } from './tool.ts';

/** Characters kept of one text, or of a result's JSON. */
const maxEventText = 16_384;

export interface CallOwner {
  readonly sessionId?: string;
  readonly runId?: string;
  readonly hop: number;
}

export interface CallFacts {
  readonly callId: string;
  readonly tool: string;
}

/** How a call ended. */
export interface CallEnd {
  readonly outcome: ToolOutcome;
  readonly durationMs: number;
  /** The message of the session that has the output. */
  readonly messageId?: string | undefined;
}

/** Unique in the log; a model's own call ids are not. */
export function newCallId(): string {
  return makeId('evt').replace('evt_', 'call_');
}

export function startEvent(
  call: CallFacts,
  params: Readonly<Record<string, unknown>>,
  owner: CallOwner,
): NewEvent {
  return { type: 'tool.start', data: { ...call, params: capFields(params) }, ...owner };
}

export function endEvent(
  call: CallFacts,
  { outcome, durationMs, messageId }: CallEnd,
  owner: CallOwner,
): NewEvent {
  const end = { durationMs, ...(messageId === undefined ? {} : { messageId }) };
  return outcome.ok
    ? { type: 'tool.complete', data: { ...call, result: capResult(outcome.result), ...end }, ...owner }
    : { type: 'tool.error', data: { ...call, ...wellFormedDeep(describe(outcome.error)), ...end }, ...owner };
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof CodeBuddyError) return { code: error.code, message: error.message };
  if (error instanceof Error && error.name === 'AbortError')
    return { code: 'cancelled', message: 'The tool was cancelled.' };
  // Details stay in the server's log: they are not for clients.
  return { code: 'internal_error', message: 'Internal error; see the server log.' };
}

/** Cuts long strings of an object; its shape stays. */
function capFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? capText(value, maxEventText).text : value,
    ]),
  );
}

function capResult(result: unknown): unknown {
  const text = JSON.stringify(result) ?? 'null';
  if (text.length <= maxEventText) return result ?? null;
  if (typeof result === 'object' && result !== null && !Array.isArray(result)) {
    const capped = capFields(result as Record<string, unknown>);
    if (JSON.stringify(capped).length <= 4 * maxEventText) return capped;
  }
  return { truncated: true, text: capText(text, maxEventText).text };
}
