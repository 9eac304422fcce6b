// The store's writes for webhooks themselves, apart from their deliveries.

import type { Write } from '../store/store.ts';
import type { Lane } from './lane.ts';
import type { WebhookConfig } from './webhook-config.ts';
import { webhookBetweenOwners } from './webhook-errors.ts';

/** @throws CodeBuddyError `node_unavailable` if another node owns the webhook now, and knows its state better */
export function putState({ id, state, isRetired }: Pick<Lane, 'id' | 'state' | 'isRetired'>): Write {
  if (isRetired) throw webhookBetweenOwners(id);
  return { kind: 'putWebhookState', row: { webhookId: id, state: JSON.stringify(state) } };
}

export function putRunWebhook(config: WebhookConfig, runId: string, createdAt: number): Write {
  return {
    kind: 'putRunWebhook',
    row: { webhookId: config.id, runId, config: JSON.stringify(config), createdAt },
  };
}
