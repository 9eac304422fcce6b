// Triggers as clients see them, without secrets.

import type { PermissionMode } from '../contract/permission-mode.ts';
import type { Trigger } from '../contract/trigger.ts';
import type { Store } from '../store/store.ts';
import { toTriggerCall } from './call-log.ts';
import type { Scheduler } from './scheduler.ts';
import type { TriggerRegistryEntry } from './trigger-entries.ts';

export interface TriggerViewOptions {
  readonly store: Pick<Store, 'triggers'>;
  readonly scheduler: Pick<Scheduler, 'nextRunAt'>;
  readonly modeOf: (triggerId: string) => PermissionMode;
  readonly now: () => number;
}

export function createTriggerView({ store, scheduler, modeOf, now }: TriggerViewOptions) {
  return async ({ id, config, refusal }: TriggerRegistryEntry): Promise<Trigger> => {
    const { secret, previousSecret, templates: _, source, ...fields } = config;
    const [last] = await store.triggers.listCalls({ triggerId: id, limit: 1 });
    const nextRunAt = refusal === undefined ? scheduler.nextRunAt(config) : undefined;
    return {
      ...fields,
      source,
      path: source === 'schedule' ? null : `/triggers/${id}`,
      permissionMode: modeOf(id),
      hasSecret: secret !== undefined,
      previousSecretUntil:
        previousSecret !== undefined && previousSecret.until > now()
          ? new Date(previousSecret.until).toISOString()
          : null,
      nextRunAt: nextRunAt === undefined ? null : new Date(nextRunAt).toISOString(),
      refusal: refusal ?? null,
      lastCall: last === undefined ? null : toTriggerCall(last, now()),
    };
  };
}
