// Measures how a backlog of pending deliveries drains, as after a night with the receiver down: the rate beside that of
// a sender without a backlog, the memory, and the time to the first answer.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchOptions, type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { alternate, spreadOf } from './rounds.ts';
import { makeBacklog } from './webhook-backlog.ts';
import type { SenderReport } from './webhook-sender.ts';
import { payloadText, ratesText, secret, type WebhookBench, withReceiver } from './webhook-setup.ts';

const hooks = 16;
const rounds = 3;
const durationMs = 4000;

export function run({ backlog }: BenchOptions): Promise<BenchResult> {
  return withReceiver('webhook-drain', async (bench) => {
    const urls = bench.urls(hooks);
    const home = await fill(bench, urls, backlog);
    const drains: SenderReport[] = [];
    const plain: SenderReport[] = [];
    const { ours, bare, ratio } = await alternate(
      rounds,
      async () => {
        const report = await bench.send('drain', 'backlog', { urls, durationMs, home });
        drains.push(report);
        return report.perSecond;
      },
      async (round) => {
        const report = await bench.send('steady', `empty-${round}`, { urls, durationMs });
        plain.push(report);
        return report.perSecond;
      },
    );
    const grown = (reports: readonly SenderReport[]) =>
      spreadOf(reports.map(({ rssAtStart, rssAtMost }) => rssAtMost - rssAtStart));
    const opened = (reports: readonly SenderReport[]) => spreadOf(reports.map(({ openMs }) => openMs));
    const of = `backlog of ${wholeText(backlog)}`;
    return [
      rowOf({
        what: `${of}: delivered/s while it drains / without one`,
        measured: ratio,
        target: { atLeast: 0.85 },
        seen: ratesText(ours, 'without', bare),
      }),
      rowOf({
        what: `${of}: resident memory while it drains, above the start`,
        measured: grown(drains),
        unit: 'MB',
        target: { atMost: 60 },
        seen: `without a backlog ${wholeText(grown(plain).median)} MB`,
      }),
      rowOf({
        what: `${of}: time to open / without one`,
        measured: spreadOf(drains.map(({ openMs }, round) => openMs / (plain[round]?.openMs ?? Number.NaN))),
        seen: `${wholeText(opened(drains).median)} ms, without ${wholeText(opened(plain).median)} ms`,
      }),
    ];
  });
}

/** @returns the home of a manager that has `backlog` pending deliveries */
async function fill(bench: WebhookBench, urls: readonly string[], backlog: number): Promise<string> {
  const home = bench.home('backlog');
  const webhooks = urls.map((url, i) => ({
    id: `webhook-${String(i).padStart(4, '0')}`,
    name: `webhook ${i}`,
    url,
    events: ['tool.start'],
    secret,
    enabled: true,
  }));
  writeFileSync(join(home, 'webhooks.json'), JSON.stringify({ webhooks }), { mode: 0o600 });
  await makeBacklog({ home, webhookIds: webhooks.map(({ id }) => id), deliveries: backlog, payloadText });
  return home;
}

if (import.meta.main) printRows((await run({ backlog: 400_000 })).rows);
