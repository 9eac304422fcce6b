// Creates, updates, removes and enables webhooks and rotates their secrets on a user's request. Each change is stored
// first and then applied.

import { isRecord } from '../base/is-record.ts';
import type { RotatedSecret, Webhook, WebhookSecret } from '../contract/webhook.ts';
import type { EnabledWebhook, EnableOptions } from '../contract/webhook-actions.ts';
import { checkClientTlsFiles } from './client-tls.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EarlierStates } from './earlier-states.ts';
import type { Enablement } from './enablement.ts';
import type { EngineContext } from './engine-context.ts';
import type { EntriesInForce } from './entries-in-force.ts';
import type { EntryChanges } from './entry-changes.ts';
import type { Lane } from './lane.ts';
import type { Removal } from './removal.ts';
import type { Resuming } from './resume-now.ts';
import { graceOfSecretMs, type SavedState } from './saved-state.ts';
import { generateSecret, signingSecretOf } from './signing.ts';
import { findLane, webhookExists } from './webhook-errors.ts';
import { putState } from './webhook-writes.ts';

export interface Lifecycle {
  create(
    input: unknown,
    options?: { readonly generateSecret?: boolean },
  ): Promise<{ readonly webhook: Webhook; readonly sameUrlAs: readonly string[] } & WebhookSecret>;
  update(id: string, patch: unknown): Promise<Webhook>;
  remove(id: string): Promise<void>;
  rotateSecret(id: string, secret?: string): Promise<RotatedSecret>;
  enable(id: string, options: EnableOptions): Promise<EnabledWebhook>;
}

export interface LifecycleOptions {
  readonly context: EngineContext;
  readonly entries: EntryChanges;
  readonly inForce: Pick<EntriesInForce, 'create' | 'apply' | 'warnOfTwins'>;
  readonly enablement: Pick<Enablement, 'enable' | 'createdDisabled'>;
  readonly removal: Pick<Removal, 'remove'>;
  readonly resuming: Pick<Resuming, 'resume'>;
  readonly dispatcher: Pick<Dispatcher, 'wake'>;
  readonly earlierStates: EarlierStates;
  readonly view: (lane: Lane) => Promise<Webhook>;
  /** @throws CodeBuddyError `validation_failed` if a webhook may not send there */
  readonly checkTarget: (url: string) => Promise<void>;
}

const maxPreviousSecrets = 5;

export function createLifecycle({
  context: { store, clock, lanes, turns },
  entries,
  inForce,
  enablement,
  removal,
  resuming,
  dispatcher,
  earlierStates,
  view,
  checkTarget,
}: LifecycleOptions): Lifecycle {
  const find = (id: string): Lane => findLane(lanes, id);

  function requireFreeId(id: string): void {
    if (lanes.has(id)) throw webhookExists(id);
  }

  function withPrevious(
    state: SavedState,
    old: string | undefined,
    secret: string,
    until: number,
  ): SavedState {
    const { previousSecrets } = state;
    if (old === undefined || old === secret) return { ...state, swapLegacy: false };
    const valid = previousSecrets.filter(
      (previous) => previous.until > clock.wall() && previous.secret !== secret,
    );
    return {
      ...state,
      previousSecrets: [{ secret: old, until }, ...valid].slice(0, maxPreviousSecrets),
      swapLegacy: false,
    };
  }

  return {
    async create(input, { generateSecret: mayGenerate = false } = {}) {
      const needsSecret = mayGenerate && isRecord(input) && !Object.hasOwn(input, 'secret');
      const config = entries.parse(needsSecret ? { ...input, secret: generateSecret() } : input);
      requireFreeId(config.id);
      await checkTarget(config.url);
      if (config.tls !== undefined) checkClientTlsFiles(config.tls);
      return turns.take(config.id, async () => {
        const entry = await entries.create(config, () => requireFreeId(config.id));
        // The state of an earlier webhook with this id does not apply to this one.
        if (earlierStates.forget(config.id))
          await store.write([{ kind: 'deleteWebhookState', webhookId: config.id }]);
        const lane = lanes.get(config.id) ?? inForce.create(entry);
        if (!config.enabled) await enablement.createdDisabled(lane);
        const webhook = await view(lane);
        return { webhook, sameUrlAs: inForce.warnOfTwins(lane), ...secretsOf(config.secret) };
      });
    },
    async update(id, patch) {
      const before = entries.of(find(id));
      const wanted = entries.patched(before, patch);
      // The name is looked up before the webhook's turn, so that a slow name server delays this change only.
      if (wanted.url !== before.config.url) await checkTarget(wanted.url);
      if (wanted.tls !== undefined) checkClientTlsFiles(wanted.tls);
      return turns.take(id, async () => {
        const lane = find(id);
        const { secret, url } = lane.config;
        const entry = await entries.change(lane, patch);
        if (entry.config.secret !== secret && lane.state.previousSecrets.length > 0) {
          lane.setState({ ...lane.state, previousSecrets: [], swapLegacy: false });
          await store.write([putState(lane)]);
        }
        await inForce.apply(lane, entry, isRecord(patch) && patch.enabled === true);
        if (entry.config.url !== url) inForce.warnOfTwins(lane);
        return view(lane);
      });
    },
    async remove(id) {
      find(id);
      await turns.take(id, async () => {
        const lane = find(id);
        await entries.remove(lane);
        await removal.remove(lane);
      });
    },
    async rotateSecret(id, secret = generateSecret()) {
      find(id);
      return turns.take(id, async () => {
        const lane = find(id);
        const entry = entries.of(lane);
        const old = entry.config.secret;
        // An invalid secret is refused before anything is changed.
        entries.patched(entry, { secret });
        const before = lane.state;
        const until = clock.wall() + graceOfSecretMs;
        // The old secret is saved first: between the two writes both sign.
        lane.setState(withPrevious(before, old, secret, until));
        try {
          await store.write([putState(lane)]);
          const { config, refusal } = await entries.change(lane, { secret });
          lane.configure({ ...config, enabled: lane.config.enabled }, refusal);
        } catch (error) {
          const { previousSecrets, swapLegacy } = before;
          lane.setState({ ...lane.state, previousSecrets, swapLegacy });
          throw error;
        }
        dispatcher.wake(lane);
        return {
          ...secretsOf(secret),
          previousValidUntil: old === undefined ? null : new Date(until).toISOString(),
        };
      });
    },
    async enable(id, { replayMissed = false }) {
      find(id);
      return turns.take(id, async () => {
        const lane = find(id);
        let queued = 0;
        if (lane.isEnabled) await resuming.resume(lane);
        else queued = await enablement.enable(lane, replayMissed);
        return { webhook: await view(lane), queued };
      });
    },
  };
}

function secretsOf(secret: string | undefined): WebhookSecret {
  return secret === undefined
    ? { secret: null, signingSecret: null }
    : { secret, signingSecret: signingSecretOf(secret) };
}
