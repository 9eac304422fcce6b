// graphile-worker on its own PostgreSQL: a job for each webhook, and the request in the task.
//
//   node bench/peers/graphile-worker.ts        both variants

import { loadPeer, peerVersion } from './install.ts';
import { answerIfOwnProcess, inOwnProcess } from './own-process.ts';
import { type Job, measure, type PeerOptions, type PeerResult, tunedConcurrency } from './peer.ts';
import { withPostgres } from './postgres.ts';
import { printBoth } from './print-both.ts';

interface Runner {
  stop(): Promise<void>;
}

interface WorkerUtils {
  addJob(task: string, payload: Job): Promise<unknown>;
  addJobs(jobs: readonly { identifier: string; payload: Job }[]): Promise<unknown>;
}

interface PgPool {
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'connect', listener: (client: Pick<PgPool, 'on'>) => void): void;
  end(): Promise<void>;
}

interface GraphileWorker {
  run(options: object): Promise<Runner>;
  makeWorkerUtils(options: object): Promise<WorkerUtils>;
  readonly Logger: new (factory: () => () => void) => unknown;
}

/** As its guide to performance says: jobs are fetched many at a time, and their ends are written together. */
const tunedSettings = {
  concurrentJobs: tunedConcurrency,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};
const poolSize = 20;
const task = 'webhook';

export function run(options: PeerOptions): Promise<PeerResult> {
  return inOwnProcess(import.meta.url, nameOf(options), options);
}

function nameOf({ variant }: Pick<PeerOptions, 'variant'>): string {
  const settings =
    variant === 'tuned'
      ? `tuned: concurrency ${tunedConcurrency}, local queue, batches, undici`
      : 'its defaults: concurrency 1, fetch';
  return `graphile-worker ${peerVersion('graphile-worker')} (${settings})`;
}

function measureHere(options: PeerOptions): Promise<PeerResult> {
  return withPostgres(async (connectionString) => {
    const { run: start, makeWorkerUtils, Logger } = await loadPeer<GraphileWorker>('graphile-worker');
    const pg = await loadPeer<{ default: { Pool: new (options: object) => PgPool } }>('pg');
    // A pool of this module: the runner does not wait until its own has closed all connections.
    const pgPool = new pg.default.Pool({ connectionString, max: poolSize });
    let isClosing = false;
    const complain = (error: Error): void => {
      if (!isClosing) console.error(`graphile-worker: ${error.message}`);
    };
    pgPool.on('error', complain);
    pgPool.on('connect', (client) => client.on('error', complain));
    let runner: Runner | undefined;
    try {
      return await measure(nameOf(options), options, async (deliver) => {
        // It logs a line for each job.
        const logger = new Logger(() => () => undefined);
        const preset = { worker: options.variant === 'tuned' ? tunedSettings : {} };
        const utils = await makeWorkerUtils({ pgPool, logger, preset });
        runner = await start({
          pgPool,
          noHandleSignals: true,
          logger,
          taskList: { [task]: deliver },
          preset,
        });
        return {
          add: async (payload, many) => {
            if (many === 1) await utils.addJob(task, payload);
            else await utils.addJobs(Array.from({ length: many }, () => ({ identifier: task, payload })));
          },
        };
      });
    } finally {
      isClosing = true;
      await runner?.stop();
      await pgPool.end();
    }
  });
}

answerIfOwnProcess(import.meta.url, measureHere);
if (import.meta.main && process.argv[2] !== 'peer') await printBoth(run);
