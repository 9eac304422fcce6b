// Figures over time, for the tiles and their lines. While the overview is open, they are read after events, at most
// every two seconds and never on a timer. They are kept while another view is open.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { connection, listen } from '../../app/live.ts';
import { client } from '../../app/sign-in.ts';

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

const samples = signal<readonly Sample[]>([]);
/** Why the last reading failed. */
export const sampleFault = signal<unknown>(undefined);

const maxSamples = 150;
const pauseMs = 2000;
let readAt = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The samples of this tab. Reads more while the component is shown. */
export function useSamples(): readonly Sample[] {
  useEffect(() => {
    const endings = [
      listen(({ type }) => {
        if (!type.startsWith('message.delta')) readSoon();
      }),
      connection.subscribe((status) => {
        if (status === 'live') readSoon();
      }),
      () => {
        clearTimeout(timer);
        timer = undefined;
      },
    ];
    return () => {
      for (const end of endings) end();
    };
  }, []);
  return samples.value;
}

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
