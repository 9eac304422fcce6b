// News of the store from other nodes: how far the log is, which topics changed, and whether there are commands. A poll
// finds all of it; notifications only make it faster. Notifications of this node are sent at most every 10 ms, outside
// the transactions of writes, where they would take a lock of the whole database.

import { isRecord } from '../../../base/is-record.ts';
import type { StoreFeed } from '../../store.ts';
import type { Run } from './control-connection.ts';
import { createListeners, type Listeners } from './listeners.ts';
import { statements } from './statements.ts';
import type { NodeTiming } from './timing.ts';

export interface FeedOptions {
  readonly nodeId: string;
  readonly run: Run;
  readonly hasOthers: () => boolean;
  readonly timing: NodeTiming;
}

/** The result of a poll. */
export interface Polled {
  readonly hasCommands: boolean;
  readonly hasAnswers: boolean;
  readonly hasInherited: boolean;
}

/** Look at this on the other nodes. `poll`: topics, commands and answers. */
export type Signal = 'poll' | 'lanes' | 'claims';

export interface Feed extends StoreFeed {
  /** This node has committed events up to `last`. */
  appended(last: number): void;
  /** Tell the other nodes soon. */
  signal(signal: Signal): void;
  /** Pass a message to one channel. */
  send(channel: string, payload: string): void;
  /** Send waiting news now. Never rejects. */
  flush(): Promise<void>;
  /** A notification of the common channel. */
  received(payload: string): void;
  onSignal(listener: (signal: Signal) => void): () => void;
  onPolled(listener: (polled: Polled) => void): () => void;
  /** Look now. */
  pollSoon(): void;
  start(): void;
  close(): void;
}

/** The channel that all nodes listen to. */
export const commonChannel = 'codebuddy';

const coalesceMs = 10;

/** The payload of the common channel. */
interface News {
  readonly from: string;
  readonly last?: number;
  readonly signals?: readonly Signal[];
}

export function createFeed({ nodeId, run, hasOthers, timing }: FeedOptions): Feed {
  const appended = createListeners<[number]>();
  const signals = createListeners<[Signal]>();
  const polled = createListeners<[Polled]>();
  const topics = new Map<string, Listeners>();
  let versions: Readonly<Record<string, number>> | undefined;
  let last = 0;
  let timer: NodeJS.Timeout | undefined;
  let flushTimer: NodeJS.Timeout | undefined;
  let isPolling = false;
  let closed = false;
  // News for the other nodes.
  let ownLast: number | undefined;
  const ownSignals = new Set<Signal>();
  const messages: { readonly channel: string; readonly payload: string }[] = [];

  function learn(sequence: number): void {
    if (sequence <= last) return;
    last = sequence;
    appended.call(sequence);
  }

  async function poll(): Promise<void> {
    if (isPolling || closed) return;
    isPolling = true;
    clearTimeout(timer);
    try {
      const { rows } = await run(statements.poll, [nodeId]);
      const row = rows[0] ?? {};
      learnTopics((row.topics ?? {}) as Readonly<Record<string, number>>);
      learn(Number(row.last));
      polled.call({
        hasCommands: row.has_commands === true,
        hasAnswers: row.has_answers === true,
        hasInherited: row.has_inherited === true,
      });
    } catch {
      // The control connection reports it. A change while it was away is found by its version.
    } finally {
      isPolling = false;
      if (!closed) timer = setTimeout(() => void poll(), timing.pollMs);
    }
  }

  function learnTopics(next: Readonly<Record<string, number>>): void {
    const before = versions;
    versions = next;
    for (const [topic, listeners] of topics) if (before?.[topic] !== next[topic]) listeners.call();
  }

  function flushSoon(): void {
    if (!closed && hasOthers()) flushTimer ??= setTimeout(() => void flush(), coalesceMs);
  }

  async function flush(): Promise<void> {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const sent = messages.splice(0);
    if (ownLast !== undefined || ownSignals.size > 0) {
      const news: News = {
        from: nodeId,
        ...(ownLast === undefined ? {} : { last: ownLast }),
        ...(ownSignals.size === 0 ? {} : { signals: [...ownSignals] }),
      };
      sent.push({ channel: commonChannel, payload: JSON.stringify(news) });
    }
    ownLast = undefined;
    ownSignals.clear();
    if (sent.length === 0) return;
    try {
      await run(statements.notify, [sent.map(({ channel }) => channel), sent.map(({ payload }) => payload)]);
    } catch {
      // The other nodes find it by their poll. Deltas are lost; their text follows with the event.
    }
  }

  return {
    appended(sequence) {
      last = Math.max(last, sequence);
      ownLast = sequence;
      flushSoon();
    },
    signal(signal) {
      ownSignals.add(signal);
      flushSoon();
    },
    send(channel, payload) {
      messages.push({ channel, payload });
      flushSoon();
    },
    flush,
    received(payload) {
      const news = parseNews(payload);
      if (news === undefined || news.from === nodeId) return;
      if (news.last !== undefined) learn(news.last);
      for (const signal of news.signals ?? []) {
        if (signal === 'poll') void poll();
        else signals.call(signal);
      }
    },
    onAppended: appended.add,
    onChange(topic, listener) {
      const listeners = topics.get(topic) ?? createListeners();
      topics.set(topic, listeners);
      return listeners.add(listener);
    },
    onSignal: signals.add,
    onPolled: polled.add,
    pollSoon: () => void poll(),
    start: () => void poll(),
    close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(flushTimer);
    },
  };
}

/** Anyone with access to the database can send notifications. */
function parseNews(payload: string): News | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    if (!isRecord(value)) return undefined;
    const { from, last, signals } = value;
    if (typeof from !== 'string') return undefined;
    return {
      from,
      ...(Number.isSafeInteger(last) ? { last: last as number } : {}),
      ...(Array.isArray(signals) ? { signals: signals.filter(isSignal) } : {}),
    };
  } catch {
    return undefined;
  }
}

function isSignal(value: unknown): value is Signal {
  return value === 'poll' || value === 'lanes' || value === 'claims';
}
