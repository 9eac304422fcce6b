// What all peers share: options, results, the POST that their tutorials show, and the measurement. A peer is a queue in front of the global fetch.
// The measured time starts with the first added job and ends with the last answer.

import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

export interface PeerOptions {
  readonly receiverUrl: string;
  /** JSON text, about 1 KB. */
  readonly payload: string;
  readonly secret: string;
  /** Duration of the measurement. */
  readonly durationMs: number;
  /** The measurement ends after this many deliveries. @default no limit */
  readonly count?: number;
  /** `defaults`: the peer's default settings. `tuned`: batches and 64 requests at once. @default 'defaults' */
  readonly variant?: 'defaults' | 'tuned';
}

export type PeerResult =
  | {
      readonly name: string;
      readonly delivered: number;
      readonly seconds: number;
      readonly perSecond: number;
    }
  | {
      readonly name: string;
      /** The reason why there is no figure. */
      readonly skipped: string;
    };

/** The content of a job. */
export interface Job {
  readonly url: string;
  readonly body: string;
}

export interface Recipe {
  /** Adds the job `many` times: once (`defaults`), or a batch (`tuned`). */
  add(job: Job, many: number): Promise<void>;
}

/** Maximum number of waiting jobs: the queue is neither empty nor grows without limit. */
const backlog = 2000;
/** Concurrent callers that add jobs, like requests of an application. */
const adders = 32;
const jobsPerBatch = 100;

/** `start` starts workers that call the given function for each job. */
export async function measure(
  name: string,
  { receiverUrl, payload, secret, durationMs, count = Number.POSITIVE_INFINITY, variant }: PeerOptions,
  start: (deliver: (job: Job) => Promise<void>) => Promise<Recipe>,
): Promise<PeerResult> {
  const job: Job = { url: receiverUrl, body: payload };
  const batch = variant === 'tuned' ? jobsPerBatch : 1;
  let added = 0;
  let delivered = 0;
  let endedAt: number | undefined;
  const recipe = await start(async ({ url, body }) => {
    // Jobs left in the queue at the end are neither sent nor counted.
    if (endedAt !== undefined) return;
    await post(url, body, secret);
    if (endedAt !== undefined) return;
    delivered++;
    if (delivered >= count) endedAt = performance.now();
  });
  const startedAt = performance.now();

  async function keepAdding(): Promise<void> {
    while (endedAt === undefined) {
      const many = Math.min(batch, count - added, backlog - (added - delivered));
      if (many > 0) {
        added += many;
        await recipe.add(job, many);
      } else await wait(2);
      if (performance.now() - startedAt >= durationMs) endedAt ??= performance.now();
    }
  }
  await Promise.all(Array.from({ length: variant === 'tuned' ? 2 : adders }, keepAdding));
  const seconds = ((endedAt ?? performance.now()) - startedAt) / 1000;
  return { name, delivered, seconds, perSecond: delivered / seconds };
}

/** Like the tutorials: an HMAC of the body, the global fetch, and an error for any status but 2xx. */
async function post(url: string, body: string, secret: string): Promise<void> {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-signature': signature },
    body,
  });
  await answer.text();
  if (!answer.ok) throw new Error(`The receiver answered ${answer.status}`);
}
