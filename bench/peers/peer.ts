// What all peers share: options, results, the POST that their tutorials show, and the measurement. A peer is a queue in
// front of the global fetch, or of an undici pool if it is tuned. The measured time starts with the first added job and ends with the last answer.

import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';

export interface PeerOptions {
  readonly receiverUrl: string;
  /** JSON text, about 1 KB. */
  readonly payload: string;
  readonly secret: string;
  /** Duration of the measurement. */
  readonly durationMs: number;
  /** The measurement ends after this many deliveries. @default no limit */
  readonly count?: number;
  /**
   * `defaults`: the peer's default settings and the global fetch. `tuned`: batches, 64 requests at once and an undici
   * pool whose connections are kept. @default 'defaults'
   */
  readonly variant?: 'defaults' | 'tuned';
}

export type PeerResult =
  | {
      readonly name: string;
      readonly delivered: number;
      readonly seconds: number;
      readonly perSecond: number;
      /** Deliveries per second of each third of the measured time. */
      readonly rates: readonly number[];
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
export const tunedConcurrency = 64;
const windows = 3;

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
  const pool =
    variant === 'tuned'
      ? new Pool(new URL(receiverUrl).origin, { connections: tunedConcurrency })
      : undefined;
  const recipe = await start(async ({ url, body }) => {
    // Jobs left in the queue at the end are neither sent nor counted.
    if (endedAt !== undefined) return;
    await (pool === undefined ? post(url, body, secret) : postWith(pool, url, body, secret));
    if (endedAt !== undefined) return;
    delivered++;
    if (delivered >= count) endedAt = performance.now();
  });
  const startedAt = performance.now();
  const marks: { readonly at: number; readonly delivered: number }[] = [{ at: startedAt, delivered: 0 }];
  const marking = setInterval(() => marks.push({ at: performance.now(), delivered }), durationMs / windows);

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
  clearInterval(marking);
  const end = endedAt ?? performance.now();
  const seconds = (end - startedAt) / 1000;
  // The last window ends with the measurement, not with its timer.
  const inside = [...marks.slice(0, windows), { at: end, delivered }];
  const rates = inside.slice(1).map((mark, index) => {
    const from = inside[index] ?? mark;
    return ((mark.delivered - from.delivered) / (mark.at - from.at)) * 1000;
  });
  return { name, delivered, seconds, perSecond: delivered / seconds, rates };
}

function sign(body: string, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Like the tutorials: an HMAC of the body, the global fetch, and an error for any status but 2xx. */
async function post(url: string, body: string, secret: string): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-signature': sign(body, secret) },
    body,
  });
  await answer.text();
  if (!answer.ok) throw new Error(`The receiver answered ${answer.status}`);
}

/** The same request on a connection that is kept. */
async function postWith(pool: Pool, url: string, body: string, secret: string): Promise<void> {
  const { statusCode, body: answer } = await pool.request({
    path: new URL(url).pathname,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-signature': sign(body, secret) },
    body,
  });
  await answer.dump();
  if (statusCode < 200 || statusCode > 299) throw new Error(`The receiver answered ${statusCode}`);
}
