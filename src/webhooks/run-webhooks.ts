// Webhooks of single runs. They are kept in the store, not in webhooks.json, and live until their run and all of their
// deliveries have ended, which may be days.

import { CodeBuddyError } from '../base/errors.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import { unfinishedRunStatuses } from '../contract/run.ts';
import type { RunWebhook } from '../contract/webhook-input.ts';
import { readEntry } from '../registry/registry-entries.ts';
import type { RunWebhookRow } from '../store/delivery-store.ts';
import type { EarlierStates } from './earlier-states.ts';
import type { EngineContext } from './engine-context.ts';
import { Lane } from './lane.ts';
import type { Removal } from './removal.ts';
import { newState } from './saved-state.ts';
import { type CheckOptions, parseWebhook, type WebhookConfig } from './webhook-config.ts';
import { webhookEntries } from './webhook-entries.ts';
import { putRunWebhook } from './webhook-writes.ts';

export interface RunWebhooks {
  /**
   * @throws CodeBuddyError `validation_failed`, `too_many_run_webhooks`
   */
  create(runId: string, input: RunWebhook): Promise<{ readonly id: string }>;
  remove(runId: string): Promise<void>;
  /** Removes the webhook of a run when the run and the deliveries have ended. */
  watch(lane: Lane): void;
  /** Restores those of earlier processes; called once, at the start. Returns their lanes. */
  takeUp(): Promise<readonly Lane[]>;
}

export interface RunWebhooksOptions {
  readonly context: EngineContext;
  readonly checks: CheckOptions;
  readonly earlierStates: EarlierStates;
  readonly removal: Pick<Removal, 'remove' | 'removeIfDone'>;
  /** The list of lanes has changed. */
  readonly lanesChanged: () => void;
  /** @throws CodeBuddyError `validation_failed` if a webhook may not send there */
  readonly checkTarget: (url: string) => Promise<void>;
  /** Limit of webhooks of runs that exist at the same time. */
  readonly max: number;
  /** Writes a new one to the registry that other nodes share, and creates its lane. @default it is this node's alone */
  readonly createShared?: ((config: WebhookConfig, runId: string) => Promise<void>) | undefined;
}

const unfinished: readonly string[] = unfinishedRunStatuses;

export function createRunWebhooks({
  context: { store, log, clock, lanes, signal, inBackground, untilDone },
  checks,
  earlierStates,
  removal,
  lanesChanged,
  checkTarget,
  max,
  createShared,
}: RunWebhooksOptions): RunWebhooks {
  const kind = webhookEntries((input) => parseWebhook(input, checks));
  let creating = 0;
  /** Of runs that were about to start. */
  const createdHere = new Set<string>();

  function requireRoom(): void {
    let count = creating;
    for (const { runId } of lanes.values()) if (runId !== undefined) count++;
    if (count < max) return;
    throw new CodeBuddyError(
      'too_many_run_webhooks',
      `${count} webhooks of single runs exist, which is the limit; each is removed when its run and its deliveries have ended. Remove some (DELETE /api/webhooks/ID), or try again later.`,
      { headers: { 'Retry-After': '60' } },
    );
  }

  /**
   * An entry that cannot be used now is refused. It must not prevent the other webhooks, or the server, from starting.
   */
  function readLane({ webhookId, runId, config }: RunWebhookRow): Lane {
    let raw: unknown;
    try {
      raw = JSON.parse(config);
    } catch {
      // `raw` stays undefined, which is refused below like everything that is not an object.
    }
    const entry = readEntry(webhookId, raw, kind, new Map());
    return new Lane(entry.config, earlierStates.of(webhookId), { runId, refusal: entry.refusal });
  }

  function watchRun(lane: Lane, runId: string): void {
    inBackground(
      untilDone(() => whenRunEnded(runId)).then((hasEnded) => {
        if (!hasEnded) return;
        createdHere.delete(lane.id);
        lane.runEnded();
        removal.removeIfDone(lane);
      }),
    );
  }

  /** Resolves when the run has ended; to false if the log is closed first. */
  async function whenRunEnded(runId: string): Promise<boolean> {
    const leaving = new AbortController();
    try {
      const items = log.subscribe({
        runId,
        types: runEndEvents,
        signal: AbortSignal.any([signal, leaving.signal]),
      });
      // It may have ended while an earlier subscription was failing. A run that does not exist yet is about to start.
      const run = await store.getRun(runId);
      if (run !== undefined && !unfinished.includes(run.status)) return true;
      for await (const item of items) if (item.kind === 'event') return true;
      return false;
    } finally {
      leaving.abort();
    }
  }

  return {
    async create(runId, input) {
      const config = parseWebhook({ ...input, name: `run ${runId}` }, checks);
      requireRoom();
      creating++;
      try {
        await checkTarget(config.url);
        if (createShared !== undefined) {
          createdHere.add(config.id);
          await createShared(config, runId);
          return { id: config.id };
        }
        await store.write([putRunWebhook(config, runId, clock.now())]);
      } finally {
        creating--;
      }
      const lane = new Lane(config, newState, { runId });
      lanes.set(config.id, lane);
      lanesChanged();
      watchRun(lane, runId);
      return { id: config.id };
    },
    async remove(runId) {
      for (const lane of [...lanes.values()]) if (lane.runId === runId) await removal.remove(lane);
    },
    watch(lane) {
      const { id, runId } = lane;
      if (runId === undefined) return;
      if (createdHere.has(id)) watchRun(lane, runId);
      else
        inBackground(
          untilDone(() => store.getRun(runId)).then((run) => {
            if (run !== undefined) watchRun(lane, runId);
            else {
              // The node that created it ended before the run began.
              lane.runEnded();
              removal.removeIfDone(lane);
            }
          }),
        );
    },
    async takeUp() {
      const found: Lane[] = [];
      for (const row of await store.listRunWebhooks()) {
        const lane = readLane(row);
        lanes.set(lane.id, lane);
        found.push(lane);
        const run = await store.getRun(row.runId);
        if (run === undefined || !unfinished.includes(run.status)) lane.runEnded();
        else watchRun(lane, row.runId);
      }
      return found;
    },
  };
}
