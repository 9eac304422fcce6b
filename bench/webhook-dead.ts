// Measures what a dead receiver among 100 costs the other 99.

import { type BenchResult, printRows, rowOf } from './bench-result.ts';
import { alternate } from './rounds.ts';
import { ratesText, withReceiver } from './webhook-setup.ts';

const alive = 99;
const rounds = 5;
const durationMs = 4000;
/** A port that nobody listens on. */
const deadUrl = 'http://127.0.0.1:1010/';

export function run(): Promise<BenchResult> {
  return withReceiver('webhook-dead', async ({ urls, send }) => {
    const options = { urls: urls(alive), durationMs };
    const compared = await alternate(
      rounds,
      async (round) => (await send('steady', `dead-${round}`, { ...options, deadUrl })).perSecond,
      async (round) => (await send('steady', `alive-${round}`, options)).perSecond,
    );
    const { median, min, max } = compared.ratio;
    const loss = (ratio: number): number => (1 - ratio) * 100;
    return [
      rowOf({
        what: 'a dead receiver among 100: what the other 99 lose',
        measured: { median: loss(median), min: loss(max), max: loss(min) },
        unit: '%',
        target: { atMost: 3 },
        seen: ratesText(compared.ours, 'without it', compared.bare),
      }),
    ];
  });
}

if (import.meta.main) printRows((await run()).rows);
