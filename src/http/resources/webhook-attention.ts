// Selects the webhooks that need attention, for `status`, `doctor`, readiness and the start of the server.

import type { Webhook, WebhookAttention } from '../../contract/webhook.ts';

/** The webhooks that need attention. */
export function webhooksToLookAt(webhooks: readonly Webhook[]): readonly WebhookAttention[] {
  return webhooks
    .filter(needsAttention)
    .map(({ id, name, state: { status, detail } }) => ({ id, name, status, detail }));
}

function needsAttention({ state: { status, disabledReason } }: Webhook): boolean {
  if (status === 'healthy' || status === 'paused') return false;
  // A webhook that a person disabled needs no attention.
  return status !== 'disabled' || (disabledReason !== null && disabledReason !== 'by_hand');
}

const mostNamed = 5;

/** One line that names the webhooks; undefined if there are none. */
export function describeAttention(
  attention: readonly WebhookAttention[],
  setAside: readonly string[],
): string | undefined {
  const named = attention.slice(0, mostNamed).map(({ id, status }) => `${id} (${status})`);
  const more = attention.length > mostNamed ? [`${attention.length - mostNamed} more`] : [];
  const parts = [
    ...(attention.length === 0 ? [] : [`need attention: ${[...named, ...more].join(', ')}`]),
    ...(setAside.length === 0
      ? []
      : [`an unreadable webhooks.json was renamed to ${setAside.join(', ')}: repair it or delete it`]),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}
