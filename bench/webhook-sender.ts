// The measured sender, in its own process like the peers: emits to webhooks and reports throughput, latency and memory.
// The webhook parts start it with `sender(mode, options)`.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WebhookManager } from '../src/api/webhooks.ts';
import { limitHeap } from '../src/app/limit-heap.ts';
import { quantile } from './rounds.ts';

export interface SenderOptions {
  readonly home: string;
  /** One webhook for each. */
  readonly urls: readonly string[];
  /** The URL of one more webhook, whose receiver is down. */
  readonly deadUrl?: string;
  readonly secret: string;
  readonly payloadText: string;
  readonly durationMs: number;
  /** For `paced`. */
  readonly emitsPerSecond?: number;
}

export interface SenderReport {
  /** Time until the manager answered its first call, in ms. */
  readonly openMs: number;
  readonly delivered: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Of `emit`, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** Resident when the manager answered its first call, and at most from then on, in MB. */
  readonly rssAtStart: number;
  readonly rssAtMost: number;
}

/**
 * `steady`: emits enough to keep the queue short, but never empty. `drain`: emits nothing, delivers the backlog.
 * `paced`: emits evenly.
 */
export type SenderMode = 'steady' | 'drain' | 'paced';

export function sender(mode: SenderMode, options: SenderOptions): Promise<SenderReport> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [mode, JSON.stringify(options)], { execArgv: [] });
    child.once('message', (report) => resolve(report as SenderReport));
    child.once('exit', (code) => reject(new Error(`bench: the sender ended with ${code}`)));
  });
}

/** Maximum number of waiting deliveries in `steady`. */
const mostPending = 1500;
const eventsAtOnce = 32;
const rssEveryMs = 50;
/** A drain without a delivery for this long is over. */
const stillMs = 1000;

async function work(mode: SenderMode, options: SenderOptions): Promise<SenderReport> {
  const begun = performance.now();
  const webhooks = new WebhookManager({
    home: options.home,
    warn: (message) => console.error(`bench: ${message}`),
  });
  const known = await webhooks.getAll();
  const openMs = performance.now() - begun;
  // As `codebuddy serve` does.
  limitHeap();
  const rss = (): number => process.memoryUsage.rss() / 1e6;
  const rssAtStart = rss();
  let rssAtMost = rssAtStart;
  const watching = setInterval(() => {
    rssAtMost = Math.max(rssAtMost, rss());
  }, rssEveryMs);
  if (known.length === 0) {
    for (const url of [...options.urls, ...(options.deadUrl === undefined ? [] : [options.deadUrl])])
      await webhooks.register({ url, secret: options.secret, events: ['tool.start'] });
  }
  const data = { callId: 'call_1', tool: 'bash', params: { text: options.payloadText } };
  const latencies: number[] = [];
  const emit = async (): Promise<void> => {
    const at = performance.now();
    await webhooks.emit('tool.start', data);
    latencies.push(performance.now() - at);
  };
  // A backlog that has drained ends the measurement early.
  let lastDelivered = 0;
  let lastDeliveredAt = performance.now();
  const hasDrained = (delivered: number): boolean => {
    if (delivered > lastDelivered) [lastDelivered, lastDeliveredAt] = [delivered, performance.now()];
    return mode === 'drain' && performance.now() - lastDeliveredAt > stillMs;
  };
  const feed = async (until: number): Promise<void> => {
    if (mode === 'paced') return pace(emit, options.emitsPerSecond ?? 100, until);
    while (performance.now() < until) {
      const { emitted, delivered } = await counts();
      if (hasDrained(delivered)) return;
      const waiting = emitted * options.urls.length - delivered;
      if (mode === 'steady' && waiting < mostPending)
        await Promise.all(Array.from({ length: eventsAtOnce }, emit));
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const counts = () => webhooks.counters();

  // Warm up first.
  await feed(performance.now() + 1500);
  latencies.length = 0;
  const before = (await counts()).delivered;
  const startedAt = performance.now();
  await feed(startedAt + options.durationMs);
  if (mode === 'drain' && performance.now() - lastDeliveredAt > stillMs)
    throw new Error('bench: the backlog drained before the measurement ended; use a larger --backlog');
  const seconds = (performance.now() - startedAt) / 1000;
  const delivered = (await counts()).delivered - before;
  clearInterval(watching);
  await webhooks.close();
  return {
    openMs,
    delivered,
    seconds,
    perSecond: delivered / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    rssAtStart,
    rssAtMost,
  };
}

/** Emits evenly, without waiting for earlier emits. */
async function pace(emit: () => Promise<void>, perSecond: number, until: number): Promise<void> {
  const startedAt = performance.now();
  const under: Promise<void>[] = [];
  let emitted = 0;
  while (performance.now() < until) {
    const due = ((performance.now() - startedAt) / 1000) * perSecond;
    while (emitted < due) {
      under.push(emit());
      emitted++;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(under);
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode, options] = process.argv.slice(2);
  process.send(await work(mode as SenderMode, JSON.parse(options ?? '{}') as SenderOptions));
  process.disconnect();
}
