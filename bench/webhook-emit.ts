// Measures the p99 of `emit()` with 100 matching webhooks at half of the delivered/s capacity, beside the p99 of one
// bare SQLite commit of the same rows at the same pace.

import { join } from 'node:path';
import { pacedCommitP99 } from './bare-commit.ts';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { alternate } from './rounds.ts';
import { payloadText, withReceiver } from './webhook-setup.ts';

const hooks = 100;
const rounds = 3;
const durationMs = 8000;

export function run(): Promise<BenchResult> {
  return withReceiver('webhook-emit', async ({ urls, home, send }) => {
    const capacity = (await send('steady', 'capacity', { urls: urls(hooks), durationMs: 4000 })).perSecond;
    const emitsPerSecond = capacity / 2 / hooks;
    const folder = home('bare');
    const { ours, bare, ratio } = await alternate(
      rounds,
      async (round) =>
        (await send('paced', `paced-${round}`, { urls: urls(hooks), durationMs, emitsPerSecond })).p99,
      (round) =>
        pacedCommitP99({
          path: join(folder, `${round}.db`),
          payloadText,
          deliveries: hooks,
          perSecond: emitsPerSecond,
          durationMs,
        }),
    );
    return [
      rowOf({
        what: `emit() p99, ${hooks} webhooks, half of the capacity / p99 of one bare commit of the same rows`,
        measured: ratio,
        target: { atMost: 5 },
        seen: `${ours.median.toFixed(1)} ms, bare ${bare.median.toFixed(1)} ms; ${wholeText(emitsPerSecond)} emits/s of ${wholeText(capacity)} delivered/s`,
      }),
    ];
  });
}

if (import.meta.main) printRows((await run()).rows);
