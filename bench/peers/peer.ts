// What all peers share: their options and results, the POST that their tutorials show, and one way to measure them. A peer is a queue in front
// of the global fetch; the time counts from the first job that is added to the last answer, adding included.

import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

export interface PeerOptions {
  readonly receiverUrl: string;
  /** JSON text, about 1 KB. */
  readonly payload: string;
  readonly secret: string;
  /** It is stopped after this. */
  readonly durationMs: number;
  /** It ends earlier once so many are delivered. @default no such end */
  readonly count?: number;
  /** The settings it ships with, or batches and 64 requests at once. @default 'defaults' */
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
      /** Why there is no figure, in words. */
      readonly skipped: string;
    };

/** What a job of a queue holds. */
export interface Job {
  readonly url: string;
  readonly body: string;
}

export interface Recipe {
  /** Adds the job `many` times: once (`defaults`), or a batch (`tuned`). */
  add(job: Job, many: number): Promise<void>;
}

/** Jobs that wait at most: the queue is never empty and never grows without end. */
const backlog = 2000;
/** Callers that add at the same time, as requests of an application do. */
const adders = 32;
const jobsPerBatch = 100;

/** `start` begins to work off jobs with the function that it is given. */
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
    // What is left in the queue when the time is over is not sent, and not counted.
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

/** As tutorials have it: an HMAC of the body, the global fetch, an error unless 2xx. */
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
