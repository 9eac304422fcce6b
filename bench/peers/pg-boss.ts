// pg-boss on its own PostgreSQL: a job for each webhook, and the request in the worker, as in its readme.
//
//   node bench/peers/pg-boss.ts        both variants

import { loadPeer, peerVersion } from './install.ts';
import { answerIfOwnProcess, inOwnProcess } from './own-process.ts';
import { type Job, measure, type PeerOptions, type PeerResult } from './peer.ts';
import { withPostgres } from './postgres.ts';
import { printBoth } from './print-both.ts';

interface Boss {
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  createQueue(name: string): Promise<void>;
  send(name: string, data: object): Promise<unknown>;
  insert(name: string, jobs: readonly { data: object }[]): Promise<unknown>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { data: Job }[]) => Promise<void>,
  ): Promise<string>;
}

/** The best of what was tried (batches of 16 to 200, 1 to 4 workers): no pause while batches come back full. */
const tuned = { batchSize: 64, localConcurrency: 4, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
const queue = 'webhooks';

export function run(options: PeerOptions): Promise<PeerResult> {
  return inOwnProcess(import.meta.url, nameOf(options), options);
}

function nameOf({ variant }: Pick<PeerOptions, 'variant'>): string {
  const settings =
    variant === 'tuned'
      ? 'tuned: 4 workers, batches of 64, undici'
      : 'its defaults: 1 worker, 1 job at a time, polls every 2 s, fetch';
  return `pg-boss ${peerVersion('pg-boss')} (${settings})`;
}

function measureHere(options: PeerOptions): Promise<PeerResult> {
  return withPostgres(async (url) => {
    const { PgBoss } = await loadPeer<{ PgBoss: new (url: string) => Boss }>('pg-boss');
    const boss = new PgBoss(url);
    boss.on('error', (error) => console.error(`pg-boss: ${error.message}`));
    await boss.start();
    try {
      await boss.createQueue(queue);
      return await measure(nameOf(options), options, async (deliver) => {
        // A failed job fails its whole batch, which is then sent again.
        await boss.work(queue, options.variant === 'tuned' ? tuned : {}, async (jobs) => {
          await Promise.all(jobs.map(({ data }) => deliver(data)));
        });
        return {
          add: async (job, many) => {
            if (many === 1) await boss.send(queue, job);
            else
              await boss.insert(
                queue,
                Array.from({ length: many }, () => ({ data: job })),
              );
          },
        };
      });
    } finally {
      await boss.stop({ graceful: false });
    }
  });
}

answerIfOwnProcess(import.meta.url, measureHere);
if (import.meta.main && process.argv[2] !== 'peer') await printBoth(run);
