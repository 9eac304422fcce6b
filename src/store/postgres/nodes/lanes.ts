// The lanes of this node: claims free ones up to its share, hands over what exceeds it, and loses all when the node is
// declared dead. How many lanes move is decided in lane-plan.ts.

import { callHost } from '../../../base/call-host.ts';
import type { Lanes, LaneWorker } from '../../ownership.ts';
import type { StoreLogger } from '../../store-logger.ts';
import type { Feed } from './feed.ts';
import { planLanes } from './lane-plan.ts';
import type { Node } from './node.ts';
import { nodeIdIn, type Query } from './query.ts';
import { statements } from './statements.ts';

export interface OwnLanesOptions {
  readonly node: Node;
  readonly query: Query;
  readonly feed: Feed;
  readonly logger: StoreLogger | undefined;
}

export interface OwnLanes extends Lanes {
  readonly isServing: boolean;
  /** Spread the lanes now. */
  balanceSoon(): void;
  /** Hand over all lanes. */
  close(): Promise<void>;
}

const retryAfterMs = 250;

export function createOwnLanes({ node, query, feed, logger }: OwnLanesOptions): OwnLanes {
  let worker: LaneWorker | undefined;
  /** In the order in which they were gained: the last ones are handed over first. */
  const own = new Set<string>();
  const pinned = new Set<string>();
  const leaving = new Map<string, Promise<void>>();
  const known = new Set<string>();
  /** The answer to a claim was lost: the store may know lanes of this node that it does not know itself. */
  let isUnsure = false;
  let isBalancing = false;
  let isAgain = false;
  let closed = false;

  /** Raised by each loss, so that answers to earlier statements are ignored. */
  let life = 0;

  function gain(webhookId: string): void {
    // When the node leaves, all that it owns is free.
    if (own.has(webhookId) || worker === undefined || closed) return;
    own.add(webhookId);
    callHost(() => worker?.gained(webhookId));
  }

  const stopLost = node.onLost(() => {
    life++;
    const lost = [...own];
    own.clear();
    pinned.clear();
    leaving.clear();
    isUnsure = false;
    for (const webhookId of lost) callHost(() => worker?.lost(webhookId));
  });
  const stops = [
    stopLost,
    node.onJoined(() => balanceSoon()),
    node.onLooked(() => balanceSoon()),
    feed.onSignal((signal) => {
      if (signal === 'lanes') balanceSoon();
    }),
  ];

  function balanceSoon(): void {
    if (worker === undefined || closed || node.epoch === 0) return;
    if (isBalancing) {
      isAgain = true;
      return;
    }
    isBalancing = true;
    isAgain = false;
    balance()
      .catch(() => undefined) // The next look tries again.
      .finally(() => {
        isBalancing = false;
        if (isAgain) balanceSoon();
      });
  }

  async function balance(): Promise<void> {
    const ofLife = life;
    if (isUnsure) await findOwn();
    const { rows } = await node.run(statements.countLanes, []);
    if (ofLife !== life) return;
    const owned = new Map<string, number>([[node.id, 0]]);
    for (const { id, servesLanes } of node.others()) if (servesLanes) owned.set(id, 0);
    let free = 0;
    for (const { node_id, lanes } of rows) {
      if (node_id === null) free = Number(lanes);
      // Lanes of a node that is not alive are not counted.
      else if (owned.has(String(node_id))) owned.set(String(node_id), Number(lanes));
    }
    const plan = planLanes({ owned, free }, node.id);
    if (plan.claim > 0) await claim(plan.claim);
    const surplus = plan.handOver - leaving.size;
    if (surplus > 0) {
      const movable = [...own].filter((id) => !leaving.has(id) && !pinned.has(id));
      for (const webhookId of movable.slice(-surplus)) void handOver(webhookId);
    }
  }

  async function claim(max: number): Promise<void> {
    const ofLife = life;
    const { rows } = await sure(node.run(statements.claimLanes, [node.id, node.epoch, max]));
    if (ofLife !== life) return;
    for (const { webhook_id } of rows) gain(String(webhook_id));
  }

  /** Remember if the answer was lost: then the claim may have been committed. */
  async function sure<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      isUnsure = true;
      throw error;
    }
  }

  async function findOwn(): Promise<void> {
    const ofLife = life;
    const { rows } = await node.run(statements.ownLanes, [node.id]);
    if (ofLife !== life) return;
    isUnsure = false;
    for (const { webhook_id } of rows) if (!leaving.has(String(webhook_id))) gain(String(webhook_id));
  }

  function handOver(webhookId: string): Promise<void> {
    const begun = leaving.get(webhookId);
    if (begun !== undefined) return begun;
    const ofLife = life;
    const done = (async () => {
      try {
        await worker?.handOver(webhookId);
      } catch (error) {
        callHost(() => logger?.warn({ err: error, webhookId }, 'a webhook could not be handed over cleanly'));
      }
      if (ofLife !== life) return;
      own.delete(webhookId);
      pinned.delete(webhookId);
      await release(webhookId, ofLife);
      if (ofLife === life) leaving.delete(webhookId);
      feed.signal('lanes');
    })();
    leaving.set(webhookId, done);
    return done;
  }

  /** Until it succeeds: a lane that is not released would have no owner that works. */
  async function release(webhookId: string, ofLife: number): Promise<void> {
    while (ofLife === life) {
      try {
        await node.run(statements.releaseLanes, [node.id, [webhookId]]);
        return;
      } catch {
        // When the node leaves, all that it owns is free.
        if (closed) return;
        await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
      }
    }
  }

  return {
    get isServing() {
      return worker !== undefined && !closed;
    },
    serve(served) {
      if (worker !== undefined) throw new TypeError('The lanes already have a worker');
      worker = served;
      node.renewSoon();
      balanceSoon();
    },
    async add(webhookIds, { pinned: isPinned = false } = {}) {
      const added = webhookIds.filter((id) => !known.has(id));
      if (added.length === 0) return;
      if (isPinned) {
        const ofLife = life;
        const values = [node.id, node.epoch, added];
        const { rows } = await sure(query(statements.addPinnedLanes, values));
        if (ofLife !== life) return;
        for (const { webhook_id } of rows) {
          known.add(String(webhook_id));
          pinned.add(String(webhook_id));
          gain(String(webhook_id));
        }
      } else {
        await query(statements.addLanes, [added]);
        for (const id of added) known.add(id);
        balanceSoon();
        feed.signal('lanes');
      }
    },
    async remove(given, { keepPinned = false } = {}) {
      const webhookIds = keepPinned ? given.filter((id) => !pinned.has(id)) : given;
      if (webhookIds.length === 0) return;
      const { count } = await query(statements.removeLanes, [webhookIds]);
      for (const id of webhookIds) {
        known.delete(id);
        own.delete(id);
        pinned.delete(id);
      }
      // One that was created again may still be owned by this node.
      if (count < webhookIds.length) {
        isUnsure = true;
        balanceSoon();
      }
    },
    isOwn: (webhookId) => own.has(webhookId) && node.epoch > 0,
    ownerOf: async (webhookId) => nodeIdIn(await query(statements.laneOwner, [webhookId])),
    balanceSoon,
    async close() {
      if (closed) return;
      closed = true;
      for (const stop of stops) stop();
      await Promise.all([...own].map((webhookId) => handOver(webhookId)));
    },
  };
}
