// `codebuddy stats`: runs by outcome, tokens and cost by day and model, and deliveries.

import type { Command } from 'commander';
import { deliveryStatuses } from '../contract/delivery-status.ts';
import { runEndings } from '../contract/run.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { localTime } from './local-time.ts';
import { countOf, paint, print, printJson, printTable } from './output.ts';
import { createReadProgress } from './read-progress.ts';
import { countDeliveries, type DeliveryStats } from './stats-deliveries.ts';
import { countRuns, type RunStats } from './stats-runs.ts';
import { readTime } from './time-point.ts';

interface StatsOptions extends ConnectionOptions {
  readonly since: string;
}

export function define(stats: Command): void {
  withConnection(stats)
    .description('Count runs, tokens, cost and deliveries.')
    .addOption(
      new Flag('--since <time>', 'only runs and deliveries since this time, date or age: 2026-11-29, 2h', {
        field: 'since',
        defaultValue: '7d',
      }),
    )
    .addHelpText(
      'after',
      `
Runs count when they end, deliveries when they are created. P95: 95 % of the deliveries took no longer than this from
creation to end, retries included.

Examples:
  codebuddy stats
  codebuddy stats --since 24h
  codebuddy stats --since 30d --json | jq .total.cost`,
    )
    .action(async (options: StatsOptions) => {
      const since = readTime('--since', options.since);
      await withClient(
        options,
        async (client, signal) => {
          const progress = createReadProgress({
            isTerminal: process.stderr.isTTY === true,
            write: (text) => process.stderr.write(text),
            now: () => performance.now(),
          });
          const query = { since, progress, signal };
          try {
            const runs = await countRuns(client, query);
            const deliveries = await countDeliveries(client, query);
            progress.end();
            if (options.json) printJson({ since, ...runs, deliveries });
            else show(since, runs, deliveries);
          } finally {
            progress.end();
          }
        },
        null,
      );
    });
}

function show(since: string, { runs, usage, total }: RunStats, deliveries: DeliveryStats | null): void {
  print(`Since ${localTime(since)}`);
  print('');
  printTable(
    ['RUNS', 'COUNT'],
    runEndings.map((ending) => [ending, String(runs[ending])]),
  );
  print('');
  printTable(
    ['DAY (UTC)', 'MODEL', 'RUNS', 'INPUT', 'OUTPUT', 'COST'],
    [...usage, { day: 'total', model: '', ...total }].map((row) => [
      row.day,
      row.model ?? '-',
      String(row.runs),
      String(row.inputTokens),
      String(row.outputTokens),
      `$${row.cost.toFixed(4)}`,
    ]),
  );
  if (total.runsWithoutCost > 0)
    print(
      paint('dim', `The cost of ${countOf(total.runsWithoutCost, 'run')} is not known and counts as $0.`),
    );
  if (deliveries === null) return;
  print('');
  printTable(
    ['DELIVERIES', 'COUNT', 'P95'],
    deliveryStatuses.map((status) => {
      const { count, p95Ms } = deliveries[status];
      return [status, String(count), p95Ms === null ? '-' : durationOf(p95Ms)];
    }),
  );
}

/** `340 ms`, `2.1 s`, `1 h 5 min`. */
function durationOf(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
