// Lanes of a store that several nodes share. Every node has a lane for each webhook, to choose receivers: a shadow, as long
// as another node owns the webhook. The owner has one that sends: it is made from the store when the node becomes the
// owner, and gives way to a shadow when it is not the owner any more.

import type { Lanes, LaneWorker } from '../../store/ownership.ts';
import type { SharedWebhookStore } from '../../store/shared-webhook-store.ts';
import { createEarlierStates } from '../earlier-states.ts';
import type { EngineContext } from '../engine-context.ts';
import { Lane } from '../lane.ts';
import { newState } from '../saved-state.ts';
import type { WebhookEntry } from '../webhook-entries.ts';
import { putState } from '../webhook-writes.ts';

export interface LaneKeeper extends LaneWorker {
  /** Webhooks whose deliveries this node sends, or is about to send. */
  ownIds(): readonly string[];
  /** Whether it is one of them. */
  owns(webhookId: string): boolean;
  /** Keeps a new delivery of a webhook that is being taken up. Returns false if the webhook is not. */
  isTakingUp(webhookId: string, sequence: number): boolean;
  /** Shadows were created: makes the webhooks known to all nodes. */
  created(webhookIds: readonly string[]): Promise<void>;
  /** The webhook was removed. */
  removed(webhookId: string): Promise<void>;
  /** The lane that sends, once the store is read; undefined if this node is not the owner. */
  own(webhookId: string): Promise<Lane | undefined>;
}

export interface LaneKeeperOptions {
  readonly context: EngineContext;
  readonly shared: SharedWebhookStore;
  readonly ownership: Pick<Lanes, 'add' | 'remove' | 'isOwn'>;
  readonly refresh: () => Promise<void>;
  /** The webhook as the registry has it now. */
  readonly entryOf: (webhookId: string) => Pick<WebhookEntry, 'config' | 'refusal'> | undefined;
  /** Resolves when the engine is closed and nothing is under way any more. */
  readonly closed: Promise<void>;
  readonly lanesChanged: () => void;
  readonly wake: (lane: Lane) => void;
  readonly abort: (lane: Lane) => void;
  /** Resolves when no replay to the webhook runs. */
  readonly replaysEnded: (webhookId: string) => Promise<void>;
  /** Everything pending of a new own lane is known. `last`: the last event that was read from the store. */
  readonly onTakenUp: (lane: Lane, last: number) => void;
}

interface TakingUp {
  /** Events whose deliveries arrived meanwhile. */
  readonly arrived: number[];
  readonly done: Promise<void>;
  readonly end: () => void;
}

/** Webhooks that are read from the store together. */
const batchSize = 200;
const firstPlaces = 200;
const placesAtOnce = 5000;

export function createLaneKeeper({
  context,
  shared,
  ownership,
  refresh,
  entryOf,
  closed,
  lanesChanged,
  wake,
  abort,
  replaysEnded,
  onTakenUp,
}: LaneKeeperOptions): LaneKeeper {
  const { store, log, lanes, clock, turns, signal, warn, inBackground, untilDone } = context;
  const takingUp = new Map<string, TakingUp>();
  const owned = new Set<string>();
  let ownIds: readonly string[] | undefined;
  let gainedNow: [string, TakingUp][] = [];

  function setOwned(webhookId: string, isOwned: boolean): void {
    if (isOwned) owned.add(webhookId);
    else owned.delete(webhookId);
    ownIds = undefined;
  }

  function shadowOf(lane: Lane): Lane {
    const { config, refusal } = entryOf(lane.id) ?? lane;
    return new Lane(config, newState, { runId: lane.runId, refusal, isShadow: true });
  }

  /** Puts a shadow in the place of a lane that sends. */
  function giveUp(webhookId: string): void {
    const lane = lanes.get(webhookId);
    if (lane === undefined || lane.isShadow) return;
    lane.retire();
    lanes.set(webhookId, shadowOf(lane));
    lanesChanged();
  }

  // ---- becoming the owner

  function gained(webhookId: string): void {
    setOwned(webhookId, true);
    const ended = Promise.withResolvers<void>();
    const taking: TakingUp = { arrived: [], done: ended.promise, end: ended.resolve };
    takingUp.get(webhookId)?.end();
    takingUp.set(webhookId, taking);
    if (gainedNow.length === 0) setImmediate(takeUpGained);
    gainedNow.push([webhookId, taking]);
  }

  function takeUpGained(): void {
    const gains = gainedNow;
    gainedNow = [];
    for (let start = 0; start < gains.length; start += batchSize)
      inBackground(takeUp(new Map(gains.slice(start, start + batchSize))));
  }

  async function takeUp(gains: ReadonlyMap<string, TakingUp>): Promise<void> {
    const ids = [...gains.keys()];
    try {
      if (ids.some((id) => !lanes.has(id))) await untilDone(refresh);
      // Everything up to here is committed; later commits arrive.
      const { last } = await untilDone(() => log.bounds());
      const [states, counts, places] = await Promise.all([
        untilDone(() => shared.webhookStatesOf(ids)),
        untilDone(() => shared.waitingCountsOf(ids)),
        untilDone(() => shared.freshPlacesOf(ids, { after: 0, upTo: last, limit: firstPlaces })),
      ]);
      const earlier = createEarlierStates(states, clock, warn);
      const waiting = new Map(counts.map((count) => [count.webhookId, count]));
      const fresh = new Map<string, number[]>();
      for (const { webhookId, sequence } of places) {
        const sequences = fresh.get(webhookId);
        if (sequences === undefined) fresh.set(webhookId, [sequence]);
        else sequences.push(sequence);
      }
      for (const [id, taking] of gains) {
        const shadow = lanes.get(id);
        if (takingUp.get(id) !== taking) continue;
        if (shadow === undefined) {
          // It was removed while no node ran, or its last node ended before it could remove the lane.
          inBackground(untilDone(() => removeLeftover(id)));
          continue;
        }
        const { config, refusal } = entryOf(id) ?? shadow;
        const lane = new Lane(config, earlier.of(id), { runId: shadow.runId, refusal, knownUpTo: last });
        const { count = 0, nextAttemptAt } = waiting.get(id) ?? {};
        lane.queue.foundWaiting(count, nextAttemptAt);
        lanes.set(id, lane);
        inBackground(queueFresh(lane, taking, fresh.get(id) ?? [], last));
      }
      lanesChanged();
    } finally {
      for (const [id, taking] of gains) if (!lanes.has(id) || signal.aborted) ended(id, taking);
    }
  }

  async function removeLeftover(webhookId: string): Promise<void> {
    await ownership.remove([webhookId], { keepPinned: true });
    if (!ownership.isOwn(webhookId)) setOwned(webhookId, false);
  }

  function ended(webhookId: string, taking: TakingUp): void {
    if (takingUp.get(webhookId) === taking) takingUp.delete(webhookId);
    taking.end();
  }

  async function queueFresh(
    lane: Lane,
    taking: TakingUp,
    first: readonly number[],
    last: number,
  ): Promise<void> {
    const isCurrent = (): boolean => takingUp.get(lane.id) === taking && !lane.isRetired && !signal.aborted;
    const release = lane.hold();
    try {
      let sequences = first;
      for (let limit = firstPlaces; isCurrent(); limit = placesAtOnce) {
        for (const sequence of sequences) lane.queue.addedToStore(sequence);
        const after = sequences.at(-1);
        if (after === undefined || sequences.length < limit) break;
        if (!lane.config.ordered) {
          // The rest is read while the first are sent.
          release();
          wake(lane);
        }
        const range = { after, upTo: last, limit: placesAtOnce };
        sequences = (await untilDone(() => shared.freshPlacesOf([lane.id], range))).map(
          ({ sequence }) => sequence,
        );
      }
      if (!isCurrent()) return;
      for (const sequence of taking.arrived) if (sequence > last) lane.queue.addedToStore(sequence);
      lane.queue.sort();
    } finally {
      ended(lane.id, taking);
      release();
    }
    onTakenUp(lane, last);
    wake(lane);
  }

  return {
    gained,
    async handOver(webhookId) {
      if (signal.aborted) {
        await closed;
        giveUp(webhookId);
        return;
      }
      await takingUp.get(webhookId)?.done;
      await turns.take(webhookId, async () => {
        const lane = lanes.get(webhookId);
        if (lane === undefined || lane.isShadow) return;
        await Promise.all([lane.leave(), replaysEnded(webhookId)]);
        if (lane.isRetired) return;
        try {
          await store.write([putState(lane)]);
        } finally {
          setOwned(webhookId, false);
          giveUp(webhookId);
        }
      });
      setOwned(webhookId, false);
    },
    lost(webhookId) {
      setOwned(webhookId, false);
      takingUp.get(webhookId)?.end();
      takingUp.delete(webhookId);
      const lane = lanes.get(webhookId);
      giveUp(webhookId);
      if (lane !== undefined) abort(lane);
    },
    ownIds() {
      ownIds ??= [...owned];
      return ownIds;
    },
    owns: (webhookId) => owned.has(webhookId),
    isTakingUp(webhookId, sequence) {
      const taking = takingUp.get(webhookId);
      if (taking === undefined) return false;
      taking.arrived.push(sequence);
      return true;
    },
    async created(webhookIds) {
      await ownership.add(webhookIds);
      // This node may have become the owner before it knew the webhook.
      for (const id of webhookIds)
        if (owned.has(id) && lanes.get(id)?.isShadow === true && !takingUp.has(id)) gained(id);
    },
    async removed(webhookId) {
      setOwned(webhookId, false);
      takingUp.get(webhookId)?.end();
      takingUp.delete(webhookId);
      await ownership.remove([webhookId]);
    },
    async own(webhookId) {
      await takingUp.get(webhookId)?.done;
      const lane = lanes.get(webhookId);
      return lane === undefined || lane.isShadow || !ownership.isOwn(webhookId) ? undefined : lane;
    },
  };
}
