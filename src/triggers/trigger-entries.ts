// Triggers as entries of a registry: triggers.json, or the table that nodes share.

import type { Registry } from '../registry/registry.ts';
import type { EntryKind, RegistryEntry } from '../registry/registry-entries.ts';
import { parseTrigger, readRefusedTrigger, type TriggerConfig } from './trigger-config.ts';
import { triggersMember } from './triggers-member.ts';

export type TriggerRegistryEntry = RegistryEntry<TriggerConfig>;
export type TriggerRegistry = Registry<TriggerConfig>;

export const triggerEntries: EntryKind<TriggerConfig> = {
  plural: triggersMember,
  parse: parseTrigger,
  readRefused: readRefusedTrigger,
};
