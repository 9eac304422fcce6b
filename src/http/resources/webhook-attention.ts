// The webhooks that a person should look at: what their state says, in one place for `status`, `doctor`, readiness and the start.

import type { Webhook, WebhookAttention } from '../../contract/webhook.ts';

export function webhooksToLookAt(webhooks: readonly Webhook[]): readonly WebhookAttention[] {
  return webhooks
    .filter(needsAttention)
    .map(({ id, name, state: { status, detail } }) => ({ id, name, status, detail }));
}

function needsAttention({ state: { status, disabledReason } }: Webhook): boolean {
  if (status === 'healthy' || status === 'paused') return false;
  // What a person disabled is no surprise to anybody.
  return status !== 'disabled' || (disabledReason !== null && disabledReason !== 'by_hand');
}

const mostNamed = 5;

/** One line; undefined if all is well. */
export function describeAttention(
  attention: readonly WebhookAttention[],
  setAside: readonly string[],
): string | undefined {
  const named = attention.slice(0, mostNamed).map(({ id, status }) => `${id} (${status})`);
  const more = attention.length > mostNamed ? [`${attention.length - mostNamed} more`] : [];
  const parts = [
    ...(attention.length === 0 ? [] : [`look at ${[...named, ...more].join(', ')}`]),
    ...(setAside.length === 0
      ? []
      : [`an unusable webhooks.json was set aside as ${setAside.join(', ')}: mend it or remove it`]),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}
