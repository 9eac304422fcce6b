// Measures durable, signed deliveries per second beside a bare undici pool that stores and signs nothing. Both send to
// one receiver process.

import { run as bare } from './bare-undici.ts';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { alternate, spreadOf } from './rounds.ts';
import { concurrency, hooksForAll, payload, ratesText, withReceiver } from './webhook-setup.ts';

const rounds = 5;
const durationMs = 4000;

export function run(): Promise<BenchResult> {
  return withReceiver('webhooks', async ({ receiver, urls, send }) => {
    const bareOptions = { receiverUrl: receiver.url, payload, concurrency, durationMs: durationMs / 2 };
    await bare({ ...bareOptions, durationMs: 1000 });
    const compared = await alternate(
      rounds,
      async (round) =>
        (await send('steady', `all-${round}`, { urls: urls(hooksForAll), durationMs })).perSecond,
      async () => (await bare(bareOptions)).perSecond,
    );
    const one = await send('steady', 'one', { urls: urls(1), durationMs });
    return [
      rowOf({
        what: `delivered/s, durable, signed, 1 KB, ${concurrency} at once / bare undici pool`,
        measured: compared.ratio,
        target: { atLeast: 0.6 },
        seen: ratesText(compared.ours, 'bare', compared.bare),
        quote: 'Webhooks delivered per second, durable and signed / a bare undici pool that stores nothing',
      }),
      rowOf({
        what: 'delivered/s to a single webhook (8 at once) / to 8 webhooks (64 at once)',
        measured: spreadOf([one.perSecond / compared.ours.median]),
        seen: `${wholeText(one.perSecond)} / s`,
      }),
    ];
  });
}

if (import.meta.main) printRows((await run()).rows);
