// What a call would do, without doing it: used for calls and for dry tests.

import { CodeBuddyError } from '../base/errors.ts';
import type { Call, CallFacts, CallRequest, Source } from './call.ts';
import { dataBlock } from './data-block.ts';
import { fillKey, fillPrompt, MissingFieldError } from './fill-template.ts';
import { ignoredBecause } from './filter.ts';
import { readPayload } from './payload.ts';
import { sources } from './sources/sources.ts';
import type { TriggerConfig } from './trigger-config.ts';

export type Evaluation =
  | {
      readonly kind: 'ignored';
      readonly facts: CallFacts;
      readonly identities: readonly string[];
      readonly reason: string;
      /** For the URL verification of Slack. */
      readonly challenge?: string;
    }
  | {
      readonly kind: 'refused';
      readonly facts: CallFacts;
      readonly identities: readonly string[];
      readonly error: CodeBuddyError;
    }
  | ({ readonly kind: 'run'; readonly facts: CallFacts } & PlannedRun);

export interface PlannedRun {
  readonly identities: readonly string[];
  readonly prompt: string;
  readonly sessionKey: string | undefined;
  readonly coalesceKey: string | undefined;
}

/** The source of a trigger that is called. @throws CodeBuddyError `trigger_not_found` for a schedule */
export function sourceOf({ id, source }: TriggerConfig): Source {
  if (source === 'schedule')
    throw new CodeBuddyError('trigger_not_found', `Trigger ${id} is a schedule; it has no URL.`);
  return sources[source];
}

/** The secrets that are valid at a time. */
export function validSecrets({ secret, previousSecret }: TriggerConfig, now: number): readonly string[] {
  return [
    ...(secret === undefined ? [] : [secret]),
    ...(previousSecret !== undefined && previousSecret.until > now ? [previousSecret.secret] : []),
  ];
}

/** @throws CodeBuddyError `unauthorized` */
export function requireSignature(config: TriggerConfig, request: CallRequest): void {
  const reason = sourceOf(config).verify(request, config, validSecrets(config, request.receivedAt));
  if (reason !== undefined) throw new CodeBuddyError('unauthorized', reason);
}

/** Evaluates a call whose signature is right. @throws CodeBuddyError `invalid_body`, `unauthorized` */
export function evaluateCall(config: TriggerConfig, request: CallRequest): Evaluation {
  const source = sourceOf(config);
  const payload = readPayload(request.body, request.headers['content-type']);
  const stale = source.isStale?.(payload, request, config);
  if (stale !== undefined) throw new CodeBuddyError('unauthorized', stale);
  const facts = source.facts(payload, request, config);
  const identities = source.identities(payload, request, config);
  const greeting = source.greeting?.(payload, request);
  if (greeting !== undefined) return { kind: 'ignored', facts, identities, ...greeting };
  return evaluate({ config, facts, payload, receivedAt: request.receivedAt }, identities);
}

/** Evaluates a schedule at a time that is due. */
export function evaluateSchedule(config: TriggerConfig, dueAt: number, now: number): Evaluation {
  const due = new Date(dueAt).toISOString();
  const facts = { event: 'schedule', deliveryId: due, dueAt };
  return evaluate({ config, facts, payload: {}, receivedAt: now }, [`due:${due}`]);
}

function evaluate(call: Call, identities: readonly string[]): Evaluation {
  const { config, facts } = call;
  const reason = ignoredBecause(call);
  if (reason !== undefined) return { kind: 'ignored', facts, identities, reason };
  const { templates } = config;
  let field = 'prompt';
  try {
    const prompt = fillPrompt(templates.prompt, call);
    field = 'sessionKey';
    const sessionKey = templates.sessionKey && fillKey(templates.sessionKey, call);
    field = 'coalesceKey';
    const coalesceKey = templates.coalesceKey && fillKey(templates.coalesceKey, call);
    field = 'data';
    return { kind: 'run', facts, identities, prompt: prompt + dataBlock(call), sessionKey, coalesceKey };
  } catch (error) {
    if (!(error instanceof MissingFieldError)) throw error;
    return {
      kind: 'refused',
      facts,
      identities,
      error: new CodeBuddyError(
        'validation_failed',
        `The ${field} of the trigger cannot be filled in: ${error.message}.`,
        {
          errors: [
            {
              in: 'body',
              pointer: `/${error.path.replaceAll('.', '/')}`,
              message: `is required by the ${field} of the trigger`,
            },
          ],
        },
      ),
    };
  }
}
