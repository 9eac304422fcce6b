// Passes deltas between nodes by notifications: only to nodes where someone listens, coalesced to 50 ms, each message
// below the limit of NOTIFY (8000 bytes). Each node tells the others what it listens to when that changes and every few
// seconds; an interest that is not repeated ends. A lost notification loses a piece of text; the event that follows has
// all of it.

import { isSameSource, withText } from '../../../base/delta-text.ts';
import type { Delta } from '../../../contract/event.ts';
import type { DeltaInterest, DeltaRelay } from '../../ownership.ts';
import type { Feed } from './feed.ts';
import { createListeners } from './listeners.ts';
import { splitText } from './split-text.ts';

export interface DeltaRelayOptions {
  readonly nodeId: string;
  readonly feed: Pick<Feed, 'send' | 'flush'>;
  /** The other nodes that are alive. */
  readonly others: () => readonly { readonly id: string }[];
  /** By a monotonic clock, in ms. */
  readonly clock: () => number;
}

export interface OwnDeltaRelay extends DeltaRelay {
  /** A message of this node's own channel. */
  received(payload: string): void;
  /** Tell the other nodes what this one listens to, if it is time. */
  repeat(): void;
  close(): void;
}

const coalesceMs = 50;
const maxPayloadBytes = 7500;
/** For the text of one delta in a message, so that it fits with everything around it. */
const maxTextBytes = 5000;
const repeatMs = 3000;
const forgetMs = 10_000;

/** `cb_` and the id of the node, below the limit of 63 bytes. */
export const channelOf = (nodeId: string): string => `cb_${nodeId}`;

type Message =
  | { readonly kind: 'interests'; readonly from: string; readonly keys: readonly string[] }
  | { readonly kind: 'deltas'; readonly deltas: readonly (readonly [after: number, delta: Delta])[] };

/** The interests of a node, and when they end. */
interface Listening {
  readonly keys: ReadonlySet<string>;
  readonly until: number;
}

const everything = '*';

export function createDeltaRelay({ nodeId, feed, others, clock }: DeltaRelayOptions): OwnDeltaRelay {
  const received = createListeners<[Delta, number]>();
  const own = new Map<string, number>();
  const listening = new Map<string, Listening>();
  /** Deltas that wait, by node. */
  let held = new Map<string, { readonly after: number; delta: Delta }[]>();
  let timer: NodeJS.Timeout | undefined;
  let sent = 0;
  let repeatedAt = Number.NEGATIVE_INFINITY;
  /** The nodes that know what this one listens to. */
  let told = new Set<string>();

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const due = held;
    held = new Map();
    for (const [target, deltas] of due) {
      const small = deltas.flatMap(({ after, delta }) =>
        splitText(delta.data.text, maxTextBytes).map((text) => ({ after, delta: withText(delta, text) })),
      );
      for (const batch of batches(small.map(({ after, delta }) => [after, delta] as const)))
        send(target, { kind: 'deltas', deltas: batch });
    }
  }

  /** Numbered, because the database drops a notification that is equal to an earlier one of the same transaction. */
  function send(target: string, message: Message): void {
    feed.send(channelOf(target), JSON.stringify({ ...message, number: ++sent }));
  }

  function announce(targets: readonly { readonly id: string }[]): void {
    const keys = [...own.keys()];
    const parts = batches(keys);
    // An empty list ends an interest.
    for (const { id } of targets)
      for (const part of parts.length === 0 ? [[]] : parts)
        send(id, { kind: 'interests', from: nodeId, keys: part });
    for (const { id } of targets) told.add(id);
  }

  function announceToAll(): void {
    told = new Set();
    repeatedAt = clock();
    announce(others());
  }

  function learn(from: string, keys: readonly string[]): void {
    if (keys.length === 0) listening.delete(from);
    // A long list comes in parts, so keys are added. Those that ended cost little until they are forgotten.
    else
      listening.set(from, {
        keys: new Set([...(listening.get(from)?.keys ?? []), ...keys]),
        until: clock() + forgetMs,
      });
  }

  return {
    publish(delta, after) {
      if (listening.size === 0) return;
      const now = clock();
      for (const [target, { keys, until }] of listening) {
        if (until < now) {
          listening.delete(target);
          continue;
        }
        const isWanted =
          keys.has(everything) ||
          (delta.runId !== undefined && keys.has(delta.runId)) ||
          (delta.sessionId !== undefined && keys.has(delta.sessionId));
        if (!isWanted) continue;
        const deltas = held.get(target) ?? [];
        held.set(target, deltas);
        const last = deltas.at(-1);
        if (last !== undefined && last.after === after && isSameSource(last.delta, delta))
          last.delta = withText(delta, last.delta.data.text + delta.data.text);
        else deltas.push({ after, delta });
        timer ??= setTimeout(flush, coalesceMs);
      }
    },
    flush(runId) {
      if (timer === undefined) return undefined;
      for (const deltas of held.values()) {
        if (!deltas.some(({ delta }) => delta.runId === runId)) continue;
        flush();
        return feed.flush();
      }
      return undefined;
    },
    listen({ runId, sessionId }: DeltaInterest) {
      const key = runId ?? sessionId ?? everything;
      own.set(key, (own.get(key) ?? 0) + 1);
      if (own.get(key) === 1) announceToAll();
      let stopped = false;
      return () => {
        if (stopped) return;
        stopped = true;
        const count = (own.get(key) ?? 1) - 1;
        if (count > 0) own.set(key, count);
        else own.delete(key);
        if (own.size === 0) announceToAll();
      };
    },
    onDelta: received.add,
    received(payload) {
      const message = parse(payload);
      if (message?.kind === 'interests') learn(message.from, message.keys);
      else for (const [after, delta] of message?.deltas ?? []) received.call(delta, after);
    },
    repeat() {
      if (own.size === 0) return;
      if (clock() - repeatedAt >= repeatMs) announceToAll();
      else announce(others().filter(({ id }) => !told.has(id)));
    },
    close() {
      clearTimeout(timer);
      held.clear();
      own.clear();
    },
  };
}

/** Items in groups that fit in a message. */
function batches<T>(items: readonly T[]): T[][] {
  const groups: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const length = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (size + length > maxPayloadBytes - 200) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(item);
    size += length;
  }
  return groups;
}

/** Anyone with access to the database can send notifications. */
function parse(payload: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
    return value.kind === 'interests' || value.kind === 'deltas' ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}
