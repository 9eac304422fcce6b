// Changes the stored configuration of a webhook: its entry in webhooks.json, or its row in the store if it belongs to a
// run. The change is applied by entries-in-force.ts.

import { isRecord } from '../base/is-record.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import { parseTarget } from './url-guard.ts';
import {
  type CheckOptions,
  parseWebhook,
  patchWebhook,
  toFileEntry,
  type WebhookConfig,
} from './webhook-config.ts';
import type { SharedWebhookRegistry, WebhookEntry, WebhookRegistry } from './webhook-entries.ts';
import { webhookExists, webhookNotFound } from './webhook-errors.ts';
import { putRunWebhook } from './webhook-writes.ts';

export interface EntryChanges {
  /** The entry as it is stored. @throws CodeBuddyError `webhook_not_found` */
  of(lane: Lane): WebhookEntry;
  /** @throws CodeBuddyError `validation_failed` */
  parse(input: unknown): WebhookConfig;
  /**
   * The entry with a patch applied. A URL that stays the same is not checked again.
   *
   * @throws CodeBuddyError `validation_failed`
   */
  patched(entry: WebhookEntry, patch: unknown): WebhookConfig;
  /** Writes a new entry. `requireFree` is called again when the file is known not to have the id. */
  create(config: WebhookConfig, requireFree: () => void): Promise<WebhookEntry>;
  /**
   * Applies a patch to the entry and returns the new one.
   *
   * @throws CodeBuddyError `validation_failed`, `webhook_not_found`
   */
  change(lane: Lane, patch: unknown): Promise<WebhookEntry>;
  remove(lane: Lane): Promise<void>;
  /** Writes `enabled`, if the entry has another value. Webhooks of runs have no such entry. */
  setEnabled(lane: Lane, enabled: boolean): Promise<void>;
}

export function createEntryChanges(
  { store, clock }: Pick<EngineContext, 'store' | 'clock'>,
  registry: Pick<WebhookRegistry, 'all' | 'change'>,
  checks: CheckOptions,
  runs?: Pick<SharedWebhookRegistry, 'changeOfRun' | 'runEntries'>,
): EntryChanges {
  function of({ id, config, refusal, runId }: Lane): WebhookEntry {
    const ofRun =
      runs === undefined ? { id, config, refusal, raw: undefined } : runs.runEntries().get(id)?.entry;
    const entry = runId === undefined ? registry.all().get(id) : ofRun;
    if (entry === undefined) throw webhookNotFound(id);
    return entry;
  }

  function patched({ id, config, refusal, raw }: WebhookEntry, patch: unknown): WebhookConfig {
    const base = refusal !== undefined && isRecord(raw) ? { ...raw, id } : { ...config };
    const isSame = (url: string): boolean => 'url' in base && base.url === url;
    return patchWebhook(base, patch, {
      ...checks,
      checkUrl: (url) => (isSame(url) ? parseTarget(url) : checks.checkUrl(url)),
    });
  }

  async function changeRunWebhook(lane: Lane, runId: string, patch: unknown): Promise<WebhookEntry> {
    if (runs !== undefined) {
      const changed = await runs.changeOfRun(lane.id, runId, (current) => {
        if (current === undefined) throw webhookNotFound(lane.id);
        return toFileEntry(patched(current, patch));
      });
      if (changed === undefined) throw webhookNotFound(lane.id);
      return changed;
    }
    const config = patched(of(lane), patch);
    await store.write([putRunWebhook(config, runId, clock.now())]);
    return { id: lane.id, config, refusal: undefined, raw: undefined };
  }

  return {
    of,
    parse: (input) => parseWebhook(input, checks),
    patched,
    async create(config, requireFree) {
      const entry = await registry.change(config.id, (current) => {
        // An edit of the file may have taken the id meanwhile.
        if (current !== undefined) throw webhookExists(config.id);
        requireFree();
        return toFileEntry(config);
      });
      if (entry === undefined) throw webhookNotFound(config.id);
      return entry;
    },
    async change(lane, patch) {
      if (lane.runId !== undefined) return changeRunWebhook(lane, lane.runId, patch);
      const changed = await registry.change(lane.id, (current) => {
        if (current === undefined) throw webhookNotFound(lane.id);
        return toFileEntry(patched(current, patch));
      });
      if (changed === undefined) throw webhookNotFound(lane.id);
      return changed;
    },
    async remove(lane) {
      if (lane.runId === undefined) await registry.change(lane.id, () => undefined);
    },
    async setEnabled(lane, enabled) {
      const { runId } = lane;
      if (runId !== undefined)
        await runs?.changeOfRun(lane.id, runId, (current) => withEnabled(current, lane.id, enabled));
      if (runId !== undefined || registry.all().get(lane.id)?.config.enabled === enabled) return;
      await registry.change(lane.id, (current) => withEnabled(current, lane.id, enabled));
    },
  };
}

/** @throws CodeBuddyError `webhook_not_found` */
function withEnabled(entry: WebhookEntry | undefined, id: string, enabled: boolean): unknown {
  if (entry === undefined) throw webhookNotFound(id);
  const { config, refusal, raw } = entry;
  if (config.enabled === enabled) return raw;
  if (refusal === undefined) return toFileEntry({ ...config, enabled });
  return isRecord(raw) ? { ...raw, enabled } : raw;
}
