// The operations of the engine on a store that nodes share: each is done by the owner of the webhook, and the registry is
// up to date on all nodes when it returns.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Delivery, ExplainedDelivery, RetryFilter } from '../../contract/delivery.ts';
import type { Webhook } from '../../contract/webhook.ts';
import type { Replayed, ReplaySelection } from '../../contract/webhook-actions.ts';
import type { EngineContext } from '../engine-context.ts';
import type { History } from '../history.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { generateSecret } from '../signing.ts';
import { deliveryNotFound, webhookNotFound } from '../webhook-errors.ts';
import type { OwnerCalls } from './owner-calls.ts';

/** The operations of an owner on its webhook. */
export interface OwnOperations {
  readonly view: (id: string) => Promise<Webhook>;
  readonly update: Lifecycle['update'];
  readonly remove: Lifecycle['remove'];
  readonly rotateSecret: Lifecycle['rotateSecret'];
  readonly enable: Lifecycle['enable'];
  readonly test: (id: string) => Promise<Delivery>;
  readonly replay: (id: string, selection: ReplaySelection) => Promise<Replayed>;
  readonly retry: History['retry'];
  readonly requeue: History['requeueFailed'];
  readonly delivery: History['getDelivery'];
  readonly [name: string]: (...args: never[]) => Promise<unknown>;
}

export interface SharedOperations extends Lifecycle {
  test(id: string): Promise<Delivery>;
  replay(id: string, selection: ReplaySelection): Promise<Replayed>;
  retry: History['retry'];
  retryFailed: History['retryFailed'];
  getDelivery: History['getDelivery'];
  /** A webhook that is known, after the registry was read again if need be. */
  known(id: string): Promise<boolean>;
}

export interface SharedOperationsOptions {
  readonly context: EngineContext;
  readonly calls: OwnerCalls<OwnOperations>;
  readonly create: Lifecycle['create'];
  readonly getDelivery: History['getDelivery'];
  readonly failedPage: History['failedPage'];
  readonly refresh: () => Promise<void>;
  /** The registry is read again on all nodes. */
  readonly refreshAll: () => Promise<void>;
}

/** A delivery is explained without its owner after this time. */
const explainWithinMs = 1000;

export function createSharedOperations({
  context: { store, lanes, signal },
  calls,
  create,
  getDelivery,
  failedPage,
  refresh,
  refreshAll,
}: SharedOperationsOptions): SharedOperations {
  async function known(id: string): Promise<boolean> {
    if (!lanes.has(id)) await refresh();
    return lanes.has(id);
  }

  async function require(id: string): Promise<void> {
    if (!(await known(id))) throw webhookNotFound(id);
  }

  return {
    known,
    async create(input, options) {
      // The id may have become free on another node.
      await refresh();
      const created = await create(input, options);
      await refreshAll();
      return created;
    },
    async update(id, patch) {
      await require(id);
      const webhook = await calls.call(id, 'update', [id, patch]);
      await refreshAll();
      return webhook;
    },
    async remove(id) {
      await require(id);
      try {
        await calls.call(id, 'remove', [id]);
      } catch (error) {
        // Its owner died after it had removed it.
        await refresh();
        if (!isNotFound(error) || lanes.has(id)) throw error;
      }
      await refreshAll();
    },
    async rotateSecret(id, secret = generateSecret()) {
      await require(id);
      return calls.call(id, 'rotateSecret', [id, secret]);
    },
    async enable(id, options) {
      await require(id);
      const enabled = await calls.call(id, 'enable', [id, options]);
      await refreshAll();
      return enabled;
    },
    async test(id) {
      await require(id);
      return calls.call(id, 'test', [id], { isRepeatable: false });
    },
    async replay(id, selection) {
      await require(id);
      return calls.call(id, 'replay', [id, selection], { isRepeatable: false });
    },
    async retry(id) {
      const row = await store.getDelivery(id);
      if (row === undefined) throw deliveryNotFound(id);
      await require(row.webhookId);
      return calls.call(row.webhookId, 'retry', [id]);
    },
    async retryFailed(filter: RetryFilter) {
      let queued = 0;
      let beforeId: string | undefined;
      while (!signal.aborted) {
        const rows = await failedPage(filter, beforeId);
        beforeId = rows.at(-1)?.id;
        if (beforeId === undefined) break;
        const ids = new Map<string, string[]>();
        for (const { id, webhookId } of rows) {
          const some = ids.get(webhookId);
          if (some !== undefined) some.push(id);
          else if (await known(webhookId)) ids.set(webhookId, [id]);
        }
        for (const [webhookId, some] of ids) queued += await calls.call(webhookId, 'requeue', [some]);
      }
      return { queued };
    },
    async getDelivery(id): Promise<ExplainedDelivery | undefined> {
      const row = await store.getDelivery(id);
      const lane = row === undefined ? undefined : lanes.get(row.webhookId);
      if (row === undefined || lane === undefined || !lane.isShadow || row.status !== 'pending')
        return getDelivery(id);
      try {
        return await calls.call(row.webhookId, 'delivery', [id], { timeoutMs: explainWithinMs });
      } catch {
        return getDelivery(id);
      }
    },
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof CodeBuddyError && error.code === 'webhook_not_found';
}
