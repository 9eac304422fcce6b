// Webhooks as entries of a registry: webhooks.json, or the table that nodes share.

import type { Registry } from '../registry/registry.ts';
import type { EntryKind, RegistryEntry } from '../registry/registry-entries.ts';
import type { SharedRegistry } from '../registry/shared-registry.ts';
import { readRefused, type WebhookConfig } from './webhook-config.ts';

export type WebhookEntry = RegistryEntry<WebhookConfig>;
export type WebhookRegistry = Registry<WebhookConfig>;
export type SharedWebhookRegistry = SharedRegistry<WebhookConfig>;

export const webhooksMember = 'webhooks';

/** @param parse throws CodeBuddyError `validation_failed` */
export function webhookEntries(parse: (entry: unknown) => WebhookConfig): EntryKind<WebhookConfig> {
  return { plural: webhooksMember, parse, readRefused };
}
