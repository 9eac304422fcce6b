// The recipe of the BullMQ tutorials, for any backend: `queue.add` for each webhook, and one Worker that signs and
// fetches.

import { loadPeer, peerVersion } from './install.ts';
import { type Job, measure, type PeerOptions, type PeerResult, tunedConcurrency } from './peer.ts';

interface Queue {
  on(event: 'error', listener: (error: Error) => void): void;
  waitUntilReady(): Promise<unknown>;
  add(name: string, data: object): Promise<unknown>;
  addBulk(jobs: readonly { name: string; data: object }[]): Promise<unknown>;
  close(): Promise<void>;
}

interface Worker {
  on(event: 'error', listener: (error: Error) => void): void;
  waitUntilReady(): Promise<unknown>;
  close(force: boolean): Promise<void>;
}

/** The part of BullMQ that this benchmark uses. */
export interface BullMq {
  readonly Queue: new (name: string, options: object, ...backend: readonly unknown[]) => Queue;
  readonly Worker: new (
    name: string,
    process: (job: { data: Job }) => Promise<void>,
    options: object,
    ...backend: readonly unknown[]
  ) => Worker;
  readonly createPostgresBackend: unknown;
}

const queueName = 'webhooks';

export function nameOf(backend: string, { variant }: Pick<PeerOptions, 'variant'>): string {
  const settings =
    variant === 'tuned'
      ? `tuned: concurrency ${tunedConcurrency}, addBulk, undici`
      : 'its defaults: concurrency 1, fetch';
  return `BullMQ ${peerVersion('bullmq')} on ${backend} (${settings})`;
}

/**
 * `connection`: BullMQ's option of this name. `pickBackend` returns the arguments after the options; none for Redis.
 */
export async function measureBullMq(
  backend: string,
  options: PeerOptions,
  connection: unknown,
  pickBackend: (bullmq: BullMq) => readonly unknown[] = () => [],
): Promise<PeerResult> {
  const bullmq = await loadPeer<BullMq>('bullmq');
  const picked = pickBackend(bullmq);
  const complain = (error: Error): void => console.error(`BullMQ: ${error.message}`);
  const queue = new bullmq.Queue(queueName, { connection }, ...picked);
  queue.on('error', complain);
  let worker: Worker | undefined;
  try {
    await queue.waitUntilReady();
    return await measure(nameOf(backend, options), options, async (deliver) => {
      const settings = options.variant === 'tuned' ? { concurrency: tunedConcurrency } : {};
      worker = new bullmq.Worker(
        queueName,
        ({ data }) => deliver(data),
        { connection, ...settings },
        ...picked,
      );
      worker.on('error', complain);
      await worker.waitUntilReady();
      return {
        add: async (data, many) => {
          if (many === 1) await queue.add('webhook', data);
          else await queue.addBulk(Array.from({ length: many }, () => ({ name: 'webhook', data })));
        },
      };
    });
  } finally {
    await worker?.close(true);
    await queue.close();
  }
}
