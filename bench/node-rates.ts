// Deliveries per second, and the CPU of each delivery, with 1, 2 and 4 nodes, on SQLite, and of pg-boss.

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { PostgresServer } from '../test/postgres/postgres-server.ts';
import { type BenchRow, rowOf, skippedRow, wholeText } from './bench-result.ts';
import { createWebhooks, type NodeBench, startNodes, stopAll } from './node-bench.ts';
import type { NodeProcess, NodeProcessOptions } from './node-process.ts';
import { run as pgBoss } from './peers/pg-boss.ts';
import { groupCpuMs } from './process-group-cpu.ts';
import { type Spread, spreadOf } from './rounds.ts';
import { cpuMs } from './server-process.ts';
import { payload, payloadText, ratesText, secret } from './webhook-setup.ts';

const rounds = 3;
/** V8 compiles code as it is used, so each node delivers this many before the measurement. */
const warmUpDeliveries = 20_000;
const longestWarmUpMs = 12_000;
const measureMs = 3000;
/** Deliveries that fit in the memory of one node; others are read again. */
const mostPending = 1500;
const eventsAtOnce = 32;
const nodeCounts = [1, 2, 4] as const;

interface Rate {
  readonly perSecond: number;
  /** Of the nodes, and of PostgreSQL, in ms for each delivery. */
  readonly nodeCpu: number;
  readonly databaseCpu: number;
}

export async function measureRates(bench: NodeBench): Promise<readonly BenchRow[]> {
  const sqlite: Rate[] = [];
  const apart = new Map<number, Rate[]>(nodeCounts.map((count) => [count, []]));
  const byNodes = new Map<number, Rate[]>(nodeCounts.map((count) => [count, []]));
  for (let round = 0; round < rounds; round++) {
    sqlite.push(await rateOf(bench, 1, 'sqlite'));
    for (const count of round % 2 === 0 ? nodeCounts : [...nodeCounts].reverse()) {
      byNodes.get(count)?.push(await rateOf(bench, count, 'shared'));
      if (count > 1) apart.get(count)?.push(await rateOf(bench, count, 'apart'));
    }
  }
  const of = (count: number): readonly Rate[] => byNodes.get(count) ?? [];
  const ratio = (count: number, base: readonly Rate[], value: (rate: Rate) => number): Spread =>
    spreadOf(of(count).map((rate, round) => value(rate) / value(base[round] as Rate)));
  const perSecond = (rates: readonly Rate[]): Spread => spreadOf(rates.map((rate) => rate.perSecond));
  const cpu = ({ nodeCpu, databaseCpu }: Rate): number => nodeCpu + databaseCpu;
  const median = (rates: readonly Rate[], value: (rate: Rate) => number): number =>
    spreadOf(rates.map(value)).median;
  const cpuText = (rates: readonly Rate[]): string =>
    `nodes ${(median(rates, (rate) => rate.nodeCpu) * 1000).toFixed(0)} µs, PostgreSQL ${(median(rates, (rate) => rate.databaseCpu) * 1000).toFixed(0)} µs`;
  const beside = await pgBoss({
    receiverUrl: bench.receiver.url,
    payload,
    secret,
    durationMs: 6000,
    variant: 'tuned',
  });
  return [
    rowOf({
      what: 'delivered/s: one node on PostgreSQL / on SQLite',
      measured: ratio(1, sqlite, (rate) => rate.perSecond),
      target: { atLeast: 0.5 },
      seen: ratesText(perSecond(of(1)), 'SQLite', perSecond(sqlite)),
    }),
    'skipped' in beside
      ? skippedRow('delivered/s: one node on PostgreSQL / pg-boss', beside.skipped, { atLeast: 3 })
      : rowOf({
          what: `delivered/s: one node on PostgreSQL / ${beside.name}`,
          measured: spreadOf(of(1).map((rate) => rate.perSecond / beside.perSecond)),
          target: { atLeast: 3 },
          seen: `pg-boss ${wholeText(beside.perSecond)} / s`,
        }),
    rowOf({
      what: 'CPU for each delivery, one node on SQLite',
      measured: spreadOf(sqlite.map((rate) => cpu(rate) * 1000)),
      unit: 'µs',
    }),
    rowOf({
      what: 'CPU for each delivery, one node on PostgreSQL',
      measured: spreadOf(of(1).map((rate) => cpu(rate) * 1000)),
      unit: 'µs',
      seen: cpuText(of(1)),
    }),
    ...[2, 4].flatMap((count) => [
      rowOf({
        what: `CPU for each delivery: ${count} nodes / one`,
        measured: ratio(count, of(1), cpu),
        target: { atMost: 1.2 },
        seen: cpuText(of(count)),
      }),
      rowOf({
        what: `CPU for each delivery: ${count} nodes of one database / ${count} with a database each`,
        measured: ratio(count, apart.get(count) ?? [], cpu),
        target: { atMost: 1.15 },
        seen: `a database each: ${cpuText(apart.get(count) ?? [])}`,
      }),
      rowOf({
        what: `delivered/s: ${count} nodes / one, which share the cores of this machine`,
        measured: ratio(count, of(1), (rate) => rate.perSecond),
        seen: `${wholeText(perSecond(of(count)).median)} / s`,
      }),
    ]),
  ];
}

/** The store of the nodes: SQLite, one PostgreSQL database, or one for each node, so that they share no work. */
type Place = 'sqlite' | 'shared' | 'apart';

async function startAll(bench: NodeBench, count: number, place: Place): Promise<readonly NodeProcess[]> {
  const { database, folder, urls } = bench;
  const optionsAt = async (): Promise<NodeProcessOptions> => ({
    payloadText,
    place:
      place === 'sqlite'
        ? { folder: mkdtempSync(join(folder, 'sqlite-')) }
        : { url: `${await database()}?max=6` },
  });
  const groups = place === 'apart' ? new Array<number>(count).fill(1) : [count];
  const nodes: NodeProcess[] = [];
  for (const size of groups) {
    const group = await startNodes(await optionsAt(), size);
    await createWebhooks(group, urls);
    nodes.push(...group);
  }
  return nodes;
}

/** Keeps the queue short, but never empty; all nodes emit. */
async function rateOf(bench: NodeBench, count: number, place: Place): Promise<Rate> {
  const { receiver, urls, server } = bench;
  const nodes = await startAll(bench, count, place);
  await receiver.reset();
  let emitted = 0;
  let delivered = 0;
  const feedFrom = async (node: NodeProcess, until: number): Promise<void> => {
    while (performance.now() < until) {
      if (emitted * urls.length - delivered < mostPending) {
        emitted += eventsAtOnce;
        await node.emit(eventsAtOnce);
      } else await wait(1);
    }
  };
  const feed = async (forMs: number): Promise<{ readonly delivered: number; readonly seconds: number }> => {
    const startedAt = performance.now();
    const before = await receiver.count();
    const until = startedAt + forMs;
    const feeding = Promise.all(nodes.map((node) => feedFrom(node, until)));
    while (performance.now() < until) {
      delivered = await receiver.count();
      await wait(1);
    }
    delivered = await receiver.count();
    const seconds = (performance.now() - startedAt) / 1000;
    await feeding;
    return { delivered: delivered - before, seconds };
  };
  const warmUpEnd = performance.now() + longestWarmUpMs;
  while (delivered < warmUpDeliveries * count && performance.now() < warmUpEnd) await feed(500);
  const postmaster = await postmasterOf(server);
  const cpuNow = (): readonly [number, number] => [
    nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
    place === 'sqlite' ? 0 : groupCpuMs(postmaster),
  ];
  const before = cpuNow();
  const measured = await feed(measureMs);
  const after = cpuNow();
  await stopAll(nodes);
  return {
    perSecond: measured.delivered / measured.seconds,
    nodeCpu: (after[0] - before[0]) / measured.delivered,
    databaseCpu: (after[1] - before[1]) / measured.delivered,
  };
}

/** The first process of PostgreSQL, which starts the others. */
async function postmasterOf(server: PostgresServer): Promise<number> {
  const [row] = await server.query("SELECT pg_read_file('postmaster.pid') AS text");
  return Number(String(row?.text).split('\n')[0]);
}
