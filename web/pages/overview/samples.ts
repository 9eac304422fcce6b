// Figures over time, for the tiles and their lines. The server is asked after events, never on a timer, and no more often
// than every two seconds; so the figures stand still while nothing happens. They are kept while another view is open.

import { effect, signal } from '@preact/signals';
import { connection, listen } from '../../app/live.ts';
import { client, signIn } from '../../app/sign-in.ts';

export interface Sample {
  /** Unix ms. */
  readonly at: number;
  /** Seconds since the start of the server. */
  readonly uptime: number;
  readonly activeRuns: number;
  /** US dollars; null if not known. */
  readonly costToday: number | null;
  /** Since the start of the server. */
  readonly requests: number;
  /** Upper bounds in seconds, each with the number of requests since the start that took no longer. */
  readonly durations: readonly Bucket[];
  readonly delivered: number;
  readonly failed: number;
  readonly pending: number;
}

export interface Bucket {
  readonly seconds: number;
  readonly count: number;
}

export const samples = signal<readonly Sample[]>([]);
/** Why the last reading failed. */
export const sampleFault = signal<unknown>(undefined);

const maxSamples = 150;
const pauseMs = 2000;
let readAt = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Reads the figures now, or at the end of the pause. */
export function readSoon(): void {
  if (timer !== undefined) return;
  const waitMs = Math.max(0, readAt + pauseMs - performance.now());
  timer = setTimeout(() => {
    timer = undefined;
    void read();
  }, waitMs);
}

async function read(): Promise<void> {
  if (signIn.value.status !== 'in') return;
  readAt = performance.now();
  try {
    const [status, { metrics }] = await Promise.all([client.status(), client.metrics()]);
    const { requests, webhooks } = metrics as Partial<Figures>;
    const sample: Sample = {
      at: Date.now(),
      uptime: status.uptime,
      activeRuns: status.activeRuns,
      costToday: status.costToday ?? null,
      requests: requests?.durations?.count ?? 0,
      durations: requests?.durations?.buckets ?? [],
      delivered: webhooks?.delivered ?? 0,
      failed: webhooks?.failed ?? 0,
      pending: status.webhooks.pending,
    };
    const before = samples.value;
    // The counters of a server that has started again begin at 0.
    const isNew = before.some(({ uptime }) => uptime > sample.uptime);
    samples.value = [...(isNew ? [] : before.slice(1 - maxSamples)), sample];
    sampleFault.value = undefined;
  } catch (error) {
    sampleFault.value = error;
  }
}

/** The part of the metrics that is read. */
interface Figures {
  readonly requests: {
    readonly durations?: { readonly count: number; readonly buckets: readonly Bucket[] };
  };
  readonly webhooks: { readonly delivered: number; readonly failed: number };
}

listen(({ type }) => {
  if (!type.startsWith('message.delta')) readSoon();
});
effect(() => {
  if (connection.value === 'live') readSoon();
});
