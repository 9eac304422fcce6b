// Measures durable, signed deliveries per second beside common queue recipes, each with its defaults and tuned. All send
// to one receiver process. Ours is measured before and after each peer.

import {
  type BenchResult,
  type BenchRow,
  printRows,
  rowOf,
  skippedRow,
  type Target,
} from './bench-result.ts';
import { run as bullmq } from './peers/bullmq.ts';
import { run as graphileWorker } from './peers/graphile-worker.ts';
import type { PeerOptions, PeerResult } from './peers/peer.ts';
import { run as pgBoss } from './peers/pg-boss.ts';
import { spreadOf } from './rounds.ts';
import { hooksForAll, payload, ratesText, secret, withReceiver } from './webhook-setup.ts';

const ourMs = 3000;
const peerMs = 9000;
const target: Target = { atLeast: 3 };

const peers: readonly ((options: PeerOptions) => Promise<PeerResult>)[] = [
  (options) => pgBoss({ ...options, variant: 'defaults' }),
  (options) => pgBoss({ ...options, variant: 'tuned' }),
  (options) => bullmq({ ...options, variant: 'defaults' }),
  (options) => bullmq({ ...options, variant: 'tuned' }),
  (options) => graphileWorker({ ...options, variant: 'tuned' }),
];

export function run(): Promise<BenchResult> {
  return withReceiver('webhook-peers', async ({ receiver, urls, send }) => {
    const options = { receiverUrl: receiver.url, payload, secret, durationMs: peerMs };
    const ours = async (round: number): Promise<number> =>
      (await send('steady', `ours-${round}`, { urls: urls(hooksForAll), durationMs: ourMs })).perSecond;
    const rows: BenchRow[] = [];
    let before = await ours(0);
    for (const [index, peer] of peers.entries()) {
      const result = await peer(options);
      const after = await ours(index + 1);
      rows.push(rowBeside((before + after) / 2, result));
      before = after;
    }
    return rows;
  });
}

function rowBeside(ours: number, peer: PeerResult): BenchRow {
  const what = `delivered/s: ours / ${peer.name}`;
  if ('skipped' in peer) {
    console.error(`bench: ${peer.name} is skipped: ${peer.skipped}`);
    return skippedRow(what, peer.skipped, target);
  }
  const measured = spreadOf(peer.rates.map((rate) => ours / rate));
  const seen = ratesText(spreadOf([ours]), 'peer', spreadOf(peer.rates));
  return rowOf({ what, measured, target, seen });
}

if (import.meta.main) printRows((await run()).rows);
