// The store's writes for webhooks themselves, apart from their deliveries.

import type { Write } from '../store/store.ts';
import type { SavedState } from './saved-state.ts';
import type { WebhookConfig } from './webhook-config.ts';

export function putState({ id, state }: { readonly id: string; readonly state: SavedState }): Write {
  return { kind: 'putWebhookState', row: { webhookId: id, state: JSON.stringify(state) } };
}

export function putRunWebhook(config: WebhookConfig, runId: string, createdAt: number): Write {
  return {
    kind: 'putRunWebhook',
    row: { webhookId: config.id, runId, config: JSON.stringify(config), createdAt },
  };
}
