// Creates, changes and removes triggers and rotates their secrets. Each change is made to the entry as it is stored.

import { randomBytes } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import { isRecord } from '../base/is-record.ts';
import type { RotatedTriggerSecret } from '../contract/trigger.ts';
import type { TriggerInput, TriggerPatch, TriggerSource } from '../contract/trigger-input.ts';
import type { Store } from '../store/store.ts';
import { parseTrigger, type TriggerConfig } from './trigger-config.ts';
import type { TriggerRegistry, TriggerRegistryEntry } from './trigger-entries.ts';

export interface TriggerChanges {
  create(
    input: TriggerInput,
  ): Promise<{ readonly entry: TriggerRegistryEntry; readonly secret: string | null }>;
  update(id: string, patch: TriggerPatch): Promise<TriggerRegistryEntry>;
  remove(id: string): Promise<void>;
  rotateSecret(id: string, secret?: string): Promise<RotatedTriggerSecret>;
}

/** How long the old secret is accepted after a rotation. */
const graceMs = 24 * 3_600_000;

export function createTriggerChanges({
  registry,
  store,
  now,
}: {
  readonly registry: TriggerRegistry;
  readonly store: Pick<Store, 'write'>;
  readonly now: () => number;
}): TriggerChanges {
  async function change(
    id: string,
    edit: (
      raw: Readonly<Record<string, unknown>>,
      current: TriggerConfig,
    ) => Readonly<Record<string, unknown>>,
  ): Promise<TriggerRegistryEntry> {
    const entry = await registry.change(id, (current) => {
      if (current === undefined) throw triggerNotFound(id);
      const raw = edit(isRecord(current.raw) ? { ...current.raw, id } : { id }, current.config);
      parseTrigger(raw);
      return raw;
    });
    if (entry === undefined) throw triggerNotFound(id);
    return entry;
  }

  return {
    async create(input) {
      const id = input.id ?? makeId('trg', now());
      const secret = input.secret ?? generateSecret(input.source);
      const raw = withoutNulls({ id, ...input, ...(secret === undefined ? {} : { secret }) });
      parseTrigger(raw);
      const entry = await registry.change(id, (current) => {
        if (current !== undefined)
          throw new CodeBuddyError('trigger_exists', `A trigger with the id ${id} already exists.`);
        return raw;
      });
      if (entry === undefined) throw triggerNotFound(id);
      return { entry, secret: secret ?? null };
    },
    update: (id, patch) =>
      change(id, (raw) => {
        const { previousSecret, ...rest } = raw;
        // A secret that is replaced at once is not accepted any more.
        const isNewSecret = patch.secret !== undefined && patch.secret !== raw.secret;
        const kept = previousSecret === undefined || isNewSecret ? {} : { previousSecret };
        return withoutNulls({ ...rest, ...kept, ...patch });
      }),
    async remove(id) {
      await registry.change(id, (current) => {
        if (current === undefined) throw triggerNotFound(id);
        return undefined;
      });
      await store.write([{ kind: 'deleteTriggerState', triggerId: id }]);
    },
    async rotateSecret(id, given) {
      let rotated: RotatedTriggerSecret | undefined;
      await change(id, (raw, { source, secret: old }) => {
        const secret = given ?? generateSecret(source);
        if (secret === undefined) throw needsSecret(source);
        const until = now() + graceMs;
        const keepsOld = old !== undefined && old !== secret;
        rotated = { secret, previousValidUntil: keepsOld ? new Date(until).toISOString() : null };
        const { previousSecret: _, ...rest } = raw;
        return { ...rest, secret, ...(keepsOld ? { previousSecret: { secret: old, until } } : {}) };
      });
      if (rotated === undefined) throw triggerNotFound(id);
      return rotated;
    },
  };
}

/** Undefined for a source that has no secret, or whose sender creates it. */
function generateSecret(source: TriggerSource): string | undefined {
  switch (source) {
    case 'schedule':
    case 'slack':
      return undefined;
    // Their libraries decode the secret.
    case 'gitlab':
    case 'standard-webhooks':
      return `whsec_${randomBytes(32).toString('base64')}`;
    default:
      return `cbt_${randomBytes(32).toString('base64url')}`;
  }
}

function needsSecret(source: TriggerSource): CodeBuddyError {
  const message =
    source === 'slack'
      ? 'is required: copy the new signing secret of the Slack app'
      : `cannot be set for the source ${source}`;
  return new CodeBuddyError('validation_failed', `secret ${message}.`, {
    errors: [{ in: 'body', pointer: '/secret', message }],
  });
}

function withoutNulls(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null && value !== undefined));
}

export function triggerNotFound(id: string): CodeBuddyError {
  return new CodeBuddyError('trigger_not_found', `Trigger ${JSON.stringify(id)} not found.`);
}
