// Every call and its outcome, as a row of the store and an event. Callers whose signature is wrong can be anybody, so
// only some of their calls are logged; the next one says how many were left out.

import { CodeBuddyError } from '../base/errors.ts';
import { shorten } from '../base/text.ts';
import type { TriggerCall } from '../contract/trigger-call.ts';
import type { TriggerOutcome } from '../contract/trigger-outcome.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { shownPast } from '../events/shown-time.ts';
import { parseRowJson } from '../store/row-json.ts';
import type { Write } from '../store/store.ts';
import type { TriggerCallRow } from '../store/trigger-store.ts';
import type { CallFacts } from './call.ts';
import type { TriggerConfig } from './trigger-config.ts';

/** A call that is being handled. */
export interface LoggedCall {
  readonly id: string;
  readonly config: Pick<TriggerConfig, 'id' | 'source'>;
  /** Unix ms. */
  readonly receivedAt: number;
  readonly hop: number;
  readonly bytes: number;
  readonly facts: CallFacts;
}

interface Ending {
  readonly outcome: TriggerOutcome;
  readonly code?: string;
  readonly reason?: string;
  readonly runId?: string;
  readonly sessionId?: string;
  readonly replacedRunId?: string | undefined;
  readonly coalesceKey?: string | undefined;
}

type Details = Pick<
  TriggerCall,
  'code' | 'reason' | 'event' | 'actor' | 'deliveryId' | 'sessionId' | 'replacedRunId' | 'hop' | 'bytes'
>;

export interface Coalesced {
  readonly coalesceKey: string | undefined;
  /** The queued run whose place the run takes. */
  readonly replacedRunId: string | undefined;
}

/** The row of an accepted call. */
export type AcceptedCallRow = TriggerCallRow & { readonly runId: string };

export interface CallLog {
  /** The event and the row to commit with the run of an accepted call. Call `accepted` after the commit. */
  acceptance(
    call: LoggedCall,
    run: { readonly runId: string; readonly sessionId: string },
    coalesced: Coalesced,
  ): { readonly event: NewEvent; readonly row: AcceptedCallRow };
  accepted(): void;
  duplicate(call: LoggedCall, first: { readonly runId: string; readonly sessionId: string }): Promise<void>;
  ignored(call: LoggedCall, reason: string): Promise<void>;
  /** `isKnown`: the signature of the call was right. */
  refused(call: LoggedCall, error: CodeBuddyError, options: { readonly isKnown: boolean }): Promise<void>;
  /** Calls by outcome since the start, also those that are not listed. */
  stats(): Readonly<Record<TriggerOutcome, number>>;
}

/** Refused calls of unknown senders that are logged, for each trigger and minute. */
const unknownPerMinute = 30;
const minuteMs = 60_000;
const longestText = 500;

export function createCallLog({
  log,
  now,
  onLogged,
}: {
  readonly log: Pick<EventLog, 'append'>;
  readonly now: () => number;
  /** Called for each call that was logged. */
  readonly onLogged: () => void;
}): CallLog {
  const counts: Record<TriggerOutcome, number> = { accepted: 0, duplicate: 0, ignored: 0, refused: 0 };
  const unknown = new Map<string, { since: number; logged: number; leftOut: number }>();

  async function write(call: LoggedCall, ending: Ending, event?: NewEvent): Promise<void> {
    await log.append(event === undefined ? [] : [event], [
      { kind: 'addTriggerCall', call: callRow(call, ending) },
    ]);
    onLogged();
  }

  /** How many calls were left out before this one; undefined if it is left out, too. */
  function mayLogUnknown(triggerId: string): number | undefined {
    const time = now();
    let window = unknown.get(triggerId);
    if (window === undefined || time >= window.since + minuteMs || time < window.since) {
      window = { since: time, logged: 0, leftOut: window?.leftOut ?? 0 };
      unknown.set(triggerId, window);
    }
    if (window.logged >= unknownPerMinute) {
      window.leftOut++;
      return undefined;
    }
    window.logged++;
    const { leftOut } = window;
    window.leftOut = 0;
    return leftOut;
  }

  return {
    acceptance(call, run, coalesced) {
      return {
        event: {
          type: 'trigger.accepted',
          data: eventData(call),
          sessionId: run.sessionId,
          runId: run.runId,
          hop: call.hop,
        },
        row: { ...callRow(call, { outcome: 'accepted', ...run, ...coalesced }), runId: run.runId },
      };
    },
    accepted() {
      counts.accepted++;
      onLogged();
    },
    duplicate(call, { runId, sessionId }) {
      counts.duplicate++;
      return write(call, { outcome: 'duplicate', runId, sessionId });
    },
    ignored(call, reason) {
      counts.ignored++;
      return write(
        call,
        { outcome: 'ignored', reason },
        { type: 'trigger.ignored', data: { ...eventData(call), reason }, hop: call.hop },
      );
    },
    stats: () => ({ ...counts }),
    async refused(call, error, { isKnown }) {
      counts.refused++;
      const { code } = error;
      const leftOut = isKnown ? 0 : mayLogUnknown(call.config.id);
      if (leftOut === undefined) return;
      const more = leftOut === 0 ? '' : ` (${leftOut} more were refused since, and are not listed.)`;
      const reason = shorten(error.message, longestText) + more;
      const event: NewEvent = {
        type: 'trigger.refused',
        data: { ...eventData(call), code, reason },
        hop: call.hop,
      };
      // An event would go to the webhook that calls this trigger, and continue the loop.
      await write(call, { outcome: 'refused', code, reason }, code === 'loop_detected' ? undefined : event);
    },
  };
}

function eventData({ id, config, facts }: LoggedCall) {
  return {
    triggerId: config.id,
    callId: id,
    source: config.source,
    event: facts.event === undefined ? null : shorten(facts.event, longestText),
  };
}

/** Notes whose place the run of a call has taken. */
export function noteReplaced(row: TriggerCallRow, replacedRunId: string | null): Write {
  const details = parseRowJson<Details>('trigger_calls', row.id, row.details);
  return {
    kind: 'addTriggerCall',
    call: { ...row, details: JSON.stringify({ ...details, replacedRunId } satisfies Details) },
  };
}

function callRow(
  { id, config, receivedAt, hop, bytes, facts }: LoggedCall,
  { outcome, code, reason, runId, sessionId, replacedRunId, coalesceKey }: Ending,
): TriggerCallRow {
  const short = (text: string | undefined): string | null =>
    text === undefined ? null : shorten(text, longestText);
  const details: Details = {
    code: code ?? null,
    reason: reason ?? null,
    event: short(facts.event),
    actor: short(facts.actor),
    deliveryId: short(facts.deliveryId),
    sessionId: sessionId ?? null,
    replacedRunId: replacedRunId ?? null,
    hop,
    bytes,
  };
  return {
    id,
    triggerId: config.id,
    receivedAt,
    outcome,
    runId: runId ?? null,
    coalesceKey: coalesceKey ?? null,
    details: JSON.stringify(details),
  };
}

/** The call as clients see it. */
export function toTriggerCall(row: TriggerCallRow, now: number): TriggerCall {
  const details = parseRowJson<Details>('trigger_calls', row.id, row.details);
  return {
    id: row.id,
    triggerId: row.triggerId,
    receivedAt: shownPast(row.receivedAt, now),
    outcome: row.outcome,
    runId: row.runId,
    ...details,
  };
}

/** An error of a service as a call is refused with it. */
export function asRefusal(error: unknown): CodeBuddyError {
  if (error instanceof CodeBuddyError) return error;
  return new CodeBuddyError('internal_error', 'Internal error; see the server log.', { cause: error });
}
