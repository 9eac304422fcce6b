// Follows the shared registry: every node has a lane for each webhook. Changes take effect for shadows at once; the lane
// of an owner applies them in its turn.

import type { EngineContext } from '../engine-context.ts';
import type { EntriesInForce } from '../entries-in-force.ts';
import { Lane } from '../lane.ts';
import type { Removal } from '../removal.ts';
import { newState } from '../saved-state.ts';
import type { SharedWebhookRegistry, WebhookEntry } from '../webhook-entries.ts';
import type { LaneKeeper } from './lane-keeper.ts';

export interface Shadows {
  /** Creates the lanes of all entries; called once, at the start. Resolves when all nodes may own them. */
  createAll(): Promise<void>;
  /** The registry has changed for these webhooks. */
  follow(webhookIds: readonly string[]): void;
  entryOf(webhookId: string): (WebhookEntry & { readonly runId?: string }) | undefined;
}

export interface ShadowsOptions {
  readonly context: EngineContext;
  readonly registry: () => Pick<SharedWebhookRegistry, 'all' | 'runEntries'>;
  readonly keeper: Pick<LaneKeeper, 'created'>;
  readonly apply: EntriesInForce['apply'];
  readonly removal: Pick<Removal, 'remove' | 'forget'>;
  readonly lanesChanged: () => void;
}

export function createShadows({
  context: { lanes, turns, inBackground, untilDone },
  registry,
  keeper,
  apply,
  removal,
  lanesChanged,
}: ShadowsOptions): Shadows {
  function entryOf(webhookId: string): (WebhookEntry & { readonly runId?: string }) | undefined {
    const ofRun = registry().runEntries().get(webhookId);
    return ofRun === undefined ? registry().all().get(webhookId) : { ...ofRun.entry, runId: ofRun.runId };
  }

  function create(webhookId: string): void {
    const entry = entryOf(webhookId);
    if (entry === undefined) return;
    const { config, refusal, runId } = entry;
    lanes.set(webhookId, new Lane(config, newState, { runId, refusal, isShadow: true }));
  }

  async function followOwn(webhookId: string): Promise<void> {
    const lane = lanes.get(webhookId);
    const entry = entryOf(webhookId);
    if (lane === undefined || lane.isShadow) return;
    if (entry === undefined) await removal.remove(lane);
    else await apply(lane, entry);
  }

  return {
    entryOf,
    async createAll() {
      const ids = [...registry().all().keys(), ...registry().runEntries().keys()];
      for (const id of ids) create(id);
      lanesChanged();
      await untilDone(() => keeper.created(ids));
    },
    follow(webhookIds) {
      const created: string[] = [];
      for (const id of webhookIds) {
        const lane = lanes.get(id);
        const entry = entryOf(id);
        if (lane !== undefined && !lane.isShadow) inBackground(turns.take(id, () => followOwn(id)));
        else if (entry === undefined) {
          if (lane !== undefined) inBackground(removal.forget(lane));
        } else if (lane !== undefined) lane.configure(entry.config, entry.refusal);
        else {
          create(id);
          created.push(id);
        }
      }
      lanesChanged();
      if (created.length > 0) inBackground(untilDone(() => keeper.created(created)));
    },
  };
}
