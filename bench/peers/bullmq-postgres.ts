// BullMQ on PostgreSQL, its second backend since version 6: for machines without Redis, and with the same durability as
// the others.
//
//   node bench/peers/bullmq-postgres.ts        both variants

import { measureBullMq, nameOf } from './bullmq-recipe.ts';
import { answerIfOwnProcess, inOwnProcess } from './own-process.ts';
import type { PeerOptions, PeerResult } from './peer.ts';
import { withPostgres } from './postgres.ts';
import { printBoth } from './print-both.ts';

export function run(options: PeerOptions): Promise<PeerResult> {
  return inOwnProcess(import.meta.url, nameOf('PostgreSQL', options), options);
}

function measureHere(options: PeerOptions): Promise<PeerResult> {
  return withPostgres((url) =>
    measureBullMq('PostgreSQL', options, { connectionString: url, migrate: true }, (bullmq) => [
      bullmq.createPostgresBackend,
    ]),
  );
}

answerIfOwnProcess(import.meta.url, measureHere);
if (import.meta.main && process.argv[2] !== 'peer') await printBoth(run);
