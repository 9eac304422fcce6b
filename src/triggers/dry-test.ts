// Says what a call would do, without starting or logging anything.

import { CodeBuddyError } from '../base/errors.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { TriggerTest, TriggerTestResult } from '../contract/trigger-call.ts';
import type { Store } from '../store/store.ts';
import type { CallRequest } from './call.ts';
import { asRefusal } from './call-log.ts';
import { type Evaluation, evaluateCall, evaluateSchedule, requireSignature, sourceOf } from './evaluate.ts';
import { nextDue } from './schedule.ts';
import type { TriggerConfig } from './trigger-config.ts';
import type { TriggerRegistryEntry } from './trigger-entries.ts';

export interface DryTestOptions {
  readonly store: Pick<Store, 'triggers'>;
  readonly modeOf: (triggerId: string) => PermissionMode;
  readonly now: () => number;
}

const nothing: TriggerTestResult = {
  outcome: 'refused',
  code: null,
  reason: null,
  event: null,
  signatureChecked: false,
  identities: [],
  sessionKey: null,
  coalesceKey: null,
  permissionMode: null,
  prompt: null,
};

export function createDryTest({ store, modeOf, now }: DryTestOptions) {
  function evaluate(config: TriggerConfig, request: CallRequest): Evaluation {
    return config.schedule === undefined
      ? evaluateCall(config, request)
      : evaluateSchedule(config, nextDue(config.schedule, now()) ?? now(), now());
  }

  async function resultOf(config: TriggerConfig, evaluation: Evaluation): Promise<TriggerTestResult> {
    const known = {
      ...nothing,
      event: evaluation.facts.event ?? null,
      identities: evaluation.identities,
    };
    if (evaluation.kind === 'ignored') return { ...known, outcome: 'ignored', reason: evaluation.reason };
    if (evaluation.kind === 'refused') return { ...known, ...refusalOf(evaluation.error) };
    const { identities, prompt, sessionKey = null, coalesceKey = null } = evaluation;
    const first = await store.triggers.findKey(config.id, identities);
    return {
      ...known,
      outcome: first === undefined ? 'accepted' : 'duplicate',
      reason: first === undefined ? null : `Run ${first.runId} was started for the same call.`,
      sessionKey,
      coalesceKey,
      permissionMode: modeOf(config.id),
      prompt,
    };
  }

  return async (
    { id, config, refusal }: TriggerRegistryEntry,
    test: TriggerTest,
  ): Promise<TriggerTestResult> => {
    const request = requestOf(test, now());
    let signatureChecked = false;
    try {
      if (refusal !== undefined)
        throw new CodeBuddyError('trigger_refused', `Trigger ${id} cannot be used: ${refusal}.`);
      if (!config.enabled) throw new CodeBuddyError('trigger_disabled', `Trigger ${id} is disabled.`);
      if (config.source !== 'schedule') {
        const proof = sourceOf(config).proof(config);
        signatureChecked = proof.some((name) => request.headers[name] !== undefined);
        if (signatureChecked) requireSignature(config, request);
      }
      return { ...(await resultOf(config, evaluate(config, request))), signatureChecked };
    } catch (error) {
      return { ...nothing, ...refusalOf(asRefusal(error)), signatureChecked: false };
    }
  };
}

function refusalOf({
  code,
  message,
}: CodeBuddyError): Pick<TriggerTestResult, 'outcome' | 'code' | 'reason'> {
  return { outcome: 'refused', code, reason: message };
}

function requestOf({ payload, headers = {}, event }: TriggerTest, now: number): CallRequest {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload ?? {});
  return {
    headers: {
      'content-type': 'application/json',
      ...(event === undefined ? {} : { 'x-github-event': event.split('.', 1)[0] }),
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    },
    body: Buffer.from(text),
    receivedAt: now,
  };
}
