// Measures several nodes on one PostgreSQL, each a process of its own: deliveries per second and the CPU of each
// delivery with 1, 2 and 4 nodes, beside SQLite and pg-boss; `emit` beside a bare commit; how soon another node hears an
// event; how soon it takes over; and how the cost of a delivery depends on how many wait.

import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type PostgresServer, startPostgresServer } from '../test/postgres/postgres-server.ts';
import { type BenchResult, type BenchRow, printRows, rowOf, skippedRow, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { type NodeProcess, type NodeProcessOptions, startNodeProcess } from './node-process.ts';
import { insertBacklog, insertBareEvent } from './node-rows.ts';
import { run as pgBoss } from './peers/pg-boss.ts';
import { groupCpuMs } from './process-group-cpu.ts';
import { type ReceiverProcess, startReceiverProcess } from './receiver.ts';
import { alternate, quantile, type Spread, spreadOf } from './rounds.ts';
import { cpuMs } from './server-process.ts';
import { hooksForAll, payload, payloadText, ratesText, secret } from './webhook-setup.ts';

const rounds = 3;
const warmUpMs = 1000;
const measureMs = 3000;
const mostPending = 1500;
const eventsAtOnce = 32;
const nodeCounts = [1, 2, 4] as const;
/** Nobody is declared dead so soon after a node has joined. */
const graceMs = 11_000;
const singles = 150;
const smallBacklog = 10_000;
const largeBacklog = 1_000_000;

interface Bench {
  readonly folder: string;
  readonly server: PostgresServer;
  readonly receiver: ReceiverProcess;
  readonly urls: readonly string[];
  /** A new database. */
  database(): Promise<string>;
}

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    // The server's own user must reach its folder.
    chmodSync(folder, 0o755);
    const server = await startPostgresServer({
      parent: folder,
      settings: { max_connections: 100, shared_buffers: '128MB' },
    });
    const receiver = await startReceiverProcess();
    let databases = 0;
    const bench: Bench = {
      folder,
      server,
      receiver,
      urls: Array.from({ length: hooksForAll }, (_, i) => `${receiver.url}/${i}`),
      async database() {
        const name = `bench_${++databases}`;
        await server.query(`CREATE DATABASE ${name}`);
        return server.url(name);
      },
    };
    try {
      const rows: BenchRow[] = [];
      for (const part of [measureRates, measureEmit, measureFollower, measureTakeOver, measureBacklog])
        rows.push(...(await part(bench)));
      return { name: 'nodes', rows };
    } finally {
      await receiver.stop();
      await server.remove();
    }
  });
}

interface Rate {
  readonly perSecond: number;
  /** Of the nodes, and of PostgreSQL, in ms for each delivery. */
  readonly nodeCpu: number;
  readonly databaseCpu: number;
}

async function measureRates(bench: Bench): Promise<readonly BenchRow[]> {
  const sqlite: Rate[] = [];
  const byNodes = new Map<number, Rate[]>(nodeCounts.map((count) => [count, []]));
  for (let round = 0; round < rounds; round++) {
    sqlite.push(await rateOf(bench, 1, { kind: 'sqlite', name: `sqlite-${round}` }));
    for (const count of round % 2 === 0 ? nodeCounts : [...nodeCounts].reverse())
      byNodes.get(count)?.push(await rateOf(bench, count));
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
        what: `delivered/s: ${count} nodes / one, which share the cores of this machine`,
        measured: ratio(count, of(1), (rate) => rate.perSecond),
        seen: `${wholeText(perSecond(of(count)).median)} / s`,
      }),
    ]),
  ];
}

/** Keeps the queue short, but never empty; all nodes emit. */
async function rateOf(
  { receiver, urls, folder, server, database }: Bench,
  count: number,
  place?: { readonly kind: 'sqlite'; readonly name: string },
): Promise<Rate> {
  const options: NodeProcessOptions = {
    payloadText,
    place:
      place === undefined ? { url: `${await database()}?max=6` } : { folder: newFolder(folder, place.name) },
  };
  const nodes = await startNodes(options, count);
  await create(nodes, urls);
  await receiver.reset();
  let emitted = 0;
  const feed = async (forMs: number): Promise<{ readonly delivered: number; readonly seconds: number }> => {
    const startedAt = performance.now();
    const before = await receiver.count();
    let delivered = before;
    while (performance.now() - startedAt < forMs) {
      if (emitted * urls.length - delivered < mostPending) {
        emitted += eventsAtOnce;
        await Promise.all(nodes.map((node) => node.emit(eventsAtOnce / count)));
      } else await wait(1);
      delivered = await receiver.count();
    }
    return { delivered: delivered - before, seconds: (performance.now() - startedAt) / 1000 };
  };
  await feed(warmUpMs);
  const postmaster = await postmasterOf(server);
  const cpuNow = (): readonly [number, number] => [
    nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
    place === undefined ? groupCpuMs(postmaster) : 0,
  ];
  const before = cpuNow();
  const { delivered, seconds } = await feed(measureMs);
  const after = cpuNow();
  await stopAll(nodes);
  return {
    perSecond: delivered / seconds,
    nodeCpu: (after[0] - before[0]) / delivered,
    databaseCpu: (after[1] - before[1]) / delivered,
  };
}

async function measureEmit({ database, urls, receiver }: Bench): Promise<readonly BenchRow[]> {
  const url = await database();
  const [node] = (await startNodes({ place: { url }, payloadText }, 1)) as readonly [NodeProcess];
  await create([node], urls);
  await receiver.reset();
  // The same tables, without a node.
  const bareUrl = await database();
  const schema = await startNodeProcess({ place: { url: bareUrl }, payloadText });
  await schema.stop();
  const client = new pg.Client({ connectionString: bareUrl });
  await client.connect();
  const { ours, bare, ratio } = await alternate(
    rounds,
    async () => quantile(await node.emitSingles(singles, 5), 0.99),
    async () => {
      const times: number[] = [];
      for (let n = 0; n < singles; n++) {
        const startedAt = performance.now();
        await insertBareEvent(client, urls.length, payloadText);
        times.push(performance.now() - startedAt);
        await wait(5);
      }
      return quantile(times, 0.99);
    },
  );
  await client.end();
  await node.stop();
  return [
    rowOf({
      what: `emit() p99 on PostgreSQL, ${urls.length} webhooks / p99 of one bare commit of the same rows`,
      measured: ratio,
      target: { atMost: 5 },
      seen: `${ours.median.toFixed(1)} ms, bare ${bare.median.toFixed(1)} ms`,
    }),
  ];
}

async function measureFollower({ database }: Bench): Promise<readonly BenchRow[]> {
  const [writer, reader] = (await startNodes(
    { place: { url: await database() }, payloadText },
    2,
  )) as readonly [NodeProcess, NodeProcess];
  await reader.follow();
  await writer.emitSingles(20, 10);
  const p99s: number[] = [];
  let known = (await reader.followed()).length;
  for (let round = 0; round < rounds; round++) {
    await writer.emitSingles(singles, 10);
    while ((await reader.followed()).length < known + singles) await wait(5);
    p99s.push(quantile((await reader.followed()).slice(known), 0.99));
    known += singles;
  }
  await stopAll([writer, reader]);
  return [
    rowOf({
      what: 'p99 until another node hears an event, from before its emit()',
      measured: spreadOf(p99s),
      unit: 'ms',
      target: { atMost: 50 },
    }),
  ];
}

async function measureTakeOver({ database, urls }: Bench): Promise<readonly BenchRow[]> {
  const signals = [
    ['SIGKILL', 'kill -9', 2000],
    ['SIGSTOP', 'SIGSTOP', 12_000],
  ] as const;
  const rows: BenchRow[] = [];
  for (const [signal, name, atMost] of signals) {
    const times: number[] = [];
    for (let round = 0; round < (signal === 'SIGKILL' ? rounds : 1); round++) {
      const [gone, heir] = (await startNodes(
        { place: { url: await database() }, payloadText },
        2,
      )) as readonly [NodeProcess, NodeProcess];
      await create([gone, heir], urls);
      await wait(graceMs);
      const startedAt = performance.now();
      gone.child.kill(signal);
      while ((await heir.owned()) < urls.length) await wait(5);
      times.push(performance.now() - startedAt);
      gone.child.kill('SIGKILL');
      await heir.stop();
    }
    rows.push(
      rowOf({
        what: `take-over of ${urls.length / 2} webhooks after ${name}`,
        measured: spreadOf(times),
        unit: 'ms',
        target: { atMost },
      }),
    );
  }
  return rows;
}

/** Deliveries per second of the same node while many wait for it. */
async function measureBacklog(bench: Bench): Promise<readonly BenchRow[]> {
  const rates = async (pending: number): Promise<readonly number[]> => {
    const url = await bench.database();
    const node = await startNodeProcess({ place: { url }, payloadText });
    await create([node], bench.urls);
    await node.stop();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await insertBacklog(client, pending, payloadText);
    await client.end();
    const found: number[] = [];
    await bench.receiver.reset();
    const drainer = await startNodeProcess({ place: { url }, payloadText });
    while ((await bench.receiver.count()) < 500) await wait(5);
    for (let round = 0; round < rounds; round++) {
      const [before, cpuBefore] = [await bench.receiver.count(), cpuMs(drainer.pid)];
      while ((await bench.receiver.count()) < before + 2500) await wait(2);
      const delivered = (await bench.receiver.count()) - before;
      found.push((cpuMs(drainer.pid) - cpuBefore) / delivered);
    }
    await drainer.stop();
    return found;
  };
  const small = await rates(smallBacklog);
  const large = await rates(largeBacklog);
  const micros = (values: readonly number[]): string => `${(spreadOf(values).median * 1000).toFixed(0)} µs`;
  return [
    rowOf({
      what: `CPU of a node for each delivery: ${wholeText(largeBacklog)} pending / ${wholeText(smallBacklog)}`,
      measured: spreadOf(large.map((value, round) => value / (small[round] ?? Number.NaN))),
      target: { atMost: 1.2 },
      seen: `${micros(large)}, ${micros(small)}`,
    }),
  ];
}

function startNodes(options: NodeProcessOptions, count: number): Promise<readonly NodeProcess[]> {
  return Promise.all(Array.from({ length: count }, () => startNodeProcess(options)));
}

async function stopAll(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}

/** Creates a webhook for each URL, and waits until they are spread evenly. */
async function create(nodes: readonly NodeProcess[], urls: readonly string[]): Promise<void> {
  await nodes[0]?.create(urls);
  const share = urls.length / nodes.length;
  for (;;) {
    const owned = await Promise.all(nodes.map((node) => node.owned()));
    if (owned.every((lanes) => lanes === share)) return;
    await wait(10);
  }
}

function newFolder(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  return folder;
}

/** The first process of PostgreSQL, which starts the others. */
async function postmasterOf(server: PostgresServer): Promise<number> {
  const [row] = await server.query("SELECT pg_read_file('postmaster.pid') AS text");
  return Number(String(row?.text).split('\n')[0]);
}

if (import.meta.main) printRows((await run()).rows);
