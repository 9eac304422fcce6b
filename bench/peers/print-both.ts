// Measures one peer alone: `node bench/peers/pg-boss.ts`. The benchmark calls the same `run`.

import { startReceiverProcess } from '../receiver.ts';
import type { PeerOptions, PeerResult } from './peer.ts';

/** Measures both variants for 10 s each with its own receiver, and prints the deliveries and the arrivals. */
export async function printBoth(run: (options: PeerOptions) => Promise<PeerResult>): Promise<void> {
  const receiver = await startReceiverProcess();
  const payload = JSON.stringify({ text: 'x'.repeat(1000) });
  try {
    for (const variant of ['defaults', 'tuned'] as const) {
      await receiver.reset();
      const result = await run({
        receiverUrl: receiver.url,
        payload,
        secret: 'a secret of the benchmark',
        durationMs: 10_000,
        variant,
      });
      if ('skipped' in result) console.log(`${result.name}: skipped: ${result.skipped}`);
      else {
        const { name, delivered, seconds, perSecond } = result;
        const arrived = await receiver.count();
        console.log(
          `${name}: ${perSecond.toFixed(1)}/s (${delivered} in ${seconds.toFixed(1)} s; ${arrived} arrived)`,
        );
      }
    }
  } finally {
    await receiver.stop();
  }
}
