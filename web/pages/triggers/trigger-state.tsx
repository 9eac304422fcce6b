// The state of a trigger, and the outcome of a call, in words.

import type { Trigger, TriggerCall } from '../../../src/client/web.ts';

export function TriggerState({ trigger: { enabled, refusal } }: { readonly trigger: Trigger }) {
  if (refusal !== null) return <span class="bad">refused</span>;
  return enabled ? <span class="good">enabled</span> : <span class="quiet">disabled</span>;
}

const classes: Readonly<Record<TriggerCall['outcome'], string>> = {
  accepted: 'good',
  duplicate: 'quiet',
  ignored: 'quiet',
  refused: 'bad',
};

export function Outcome({ outcome }: { readonly outcome: TriggerCall['outcome'] }) {
  return <span class={classes[outcome]}>{outcome}</span>;
}
