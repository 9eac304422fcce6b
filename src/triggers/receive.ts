// Receives a call of a trigger: verifies and evaluates it, starts its run, and logs the outcome, also of a refusal.

import { setTimeout as sleep } from 'node:timers/promises';
import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import type { TriggerAnswer } from '../contract/trigger-call.ts';
import type { CallFacts, CallRequest } from './call.ts';
import { asRefusal, type CallLog, type LoggedCall } from './call-log.ts';
import { evaluateCall, requireSignature, sourceOf } from './evaluate.ts';
import type { StartRun } from './start-run.ts';
import type { TriggerConfig } from './trigger-config.ts';
import type { TriggerRegistryEntry } from './trigger-entries.ts';

/** A request to the URL of a trigger. */
export interface IncomingCall {
  /** By lower-case name. */
  readonly headers: CallRequest['headers'];
  /** From `X-CodeBuddy-Hop`. */
  readonly hop: number;
  /** @throws CodeBuddyError `body_too_large`, `client_closed_request` */
  readonly readBody: () => Promise<Buffer>;
}

export interface CallAnswer {
  readonly status: 200 | 202;
  readonly body: TriggerAnswer;
}

export interface ReceiveOptions {
  /** @throws CodeBuddyError `trigger_not_found` */
  readonly entryOf: (id: string) => Promise<TriggerRegistryEntry>;
  readonly calls: CallLog;
  readonly startRun: StartRun;
  readonly now: () => number;
  readonly warn: (message: string, error?: unknown) => void;
}

/** The hops of webhooks of this server after which a call is refused, so that loops end. */
const maxHops = 3;

/** @throws CodeBuddyError for a call that is refused */
export type Receive = (triggerId: string, call: IncomingCall) => Promise<CallAnswer>;

export function createReceive({ entryOf, calls, startRun, now, warn }: ReceiveOptions): Receive {
  async function handle(config: TriggerConfig, call: LoggedCall, request: CallRequest): Promise<CallAnswer> {
    const evaluation = evaluateCall(config, request);
    const known = { ...call, facts: evaluation.facts };
    if (evaluation.kind === 'ignored') {
      const { reason, challenge } = evaluation;
      await calls.ignored(known, reason);
      return {
        status: 200,
        body: { outcome: 'ignored', reason, ...(challenge === undefined ? {} : { challenge }) },
      };
    }
    if (evaluation.kind === 'refused') throw new KnownRefusal(evaluation.facts, evaluation.error);
    try {
      const { outcome, runId, sessionId } = await startRun(config, known, evaluation);
      if (outcome === 'duplicate') await calls.duplicate(known, { runId, sessionId });
      return { status: 202, body: { outcome, runId, sessionId } };
    } catch (error) {
      throw new KnownRefusal(evaluation.facts, asRefusal(error));
    }
  }

  async function refuse(call: LoggedCall, thrown: unknown, isKnown: boolean): Promise<never> {
    const facts: CallFacts = thrown instanceof KnownRefusal ? thrown.facts : {};
    const error = thrown instanceof KnownRefusal ? thrown.error : asRefusal(thrown);
    if (error.code === 'internal_error') warn(`a call of trigger ${call.config.id} failed`, error.cause);
    await calls
      .refused({ ...call, facts }, error, { isKnown })
      .catch((fault: unknown) =>
        warn(`a refused call of trigger ${call.config.id} could not be logged`, fault),
      );
    throw error;
  }

  return async (id, { headers, hop, readBody }) => {
    const { config, refusal } = await entryOf(id);
    const source = sourceOf(config);
    let call: LoggedCall = { id: makeId('trc', now()), config, receivedAt: now(), hop, bytes: 0, facts: {} };
    let isKnown = false;
    try {
      if (refusal !== undefined)
        throw new CodeBuddyError('trigger_refused', `Trigger ${id} cannot be used: ${refusal}.`);
      const encoding = headers['content-encoding'];
      if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
        throw new CodeBuddyError('unsupported_media_type', 'The body must not be compressed.');
      const body = await readBody();
      call = { ...call, bytes: body.length };
      const request = { headers, body, receivedAt: call.receivedAt };
      requireSignature(config, request);
      isKnown = true;
      if (!config.enabled) throw new CodeBuddyError('trigger_disabled', `Trigger ${id} is disabled.`);
      if (hop >= maxHops)
        throw new CodeBuddyError(
          'loop_detected',
          `X-CodeBuddy-Hop is ${maxHops} or more, or not a number: webhooks of this server have called each other in a loop.`,
        );
      return await withinTime(handle(config, call, request), source.answerWithinMs);
    } catch (error) {
      return refuse(call, error, isKnown);
    }
  };
}

/** A refusal of a call that could be read. */
class KnownRefusal extends Error {
  readonly facts: CallFacts;
  readonly error: CodeBuddyError;

  constructor(facts: CallFacts, error: CodeBuddyError) {
    super(error.message);
    this.facts = facts;
    this.error = error;
  }
}

/** The work continues after the time is over. The sender repeats the call, which is recognized then. */
async function withinTime<T>(work: Promise<T>, timeMs: number | undefined): Promise<T> {
  if (timeMs === undefined) return work;
  const done = new AbortController();
  work.catch(() => undefined);
  try {
    return await Promise.race([
      work,
      sleep(timeMs, undefined, { signal: done.signal, ref: false }).then(() => {
        throw new CodeBuddyError('storage_unavailable', 'The call is not committed yet. Repeat it.', {
          headers: { 'Retry-After': '2' },
        });
      }),
    ]);
  } finally {
    done.abort();
  }
}
