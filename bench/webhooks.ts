// Measures durable, signed deliveries per second beside a bare sender and common queue recipes, the latency of an emit, the cost of a dead receiver
// for the others, and the drain of a backlog of one million. All send to one receiver process.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run as bare } from './bare-undici.ts';
import { type BenchResult, type BenchRow, outcomeOf, printRows } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { run as bullmq } from './peers/bullmq.ts';
import type { PeerResult } from './peers/peer.ts';
import { run as pgBoss } from './peers/pg-boss.ts';
import { type ReceiverProcess, startReceiverProcess } from './receiver.ts';
import { makeBacklog } from './webhook-backlog.ts';
import { type SenderReport, sender } from './webhook-sender.ts';

const concurrency = 64;
/** 8 requests at once each: 64. */
const hooks = concurrency / 8;
const durationMs = 6000;
const backlog = Number(process.env.BENCH_BACKLOG ?? 1_000_000);
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** With its envelope about 1 KB. */
const payloadText = 'x'.repeat(790);

export function run(): Promise<BenchResult> {
  return onDisk(measure);
}

async function measure(folder: string): Promise<BenchResult> {
  const receiver = await startReceiverProcess();
  try {
    const rows = [
      ...(await throughput(folder, receiver)),
      ...(await emitting(folder, receiver)),
      ...(await oneDead(folder, receiver)),
      ...(await draining(folder, receiver)),
    ];
    return { name: 'webhooks', rows };
  } finally {
    await receiver.stop();
  }
}

function home(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

function urlsOf(receiver: ReceiverProcess, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${receiver.url}/${i}`);
}

async function throughput(folder: string, receiver: ReceiverProcess): Promise<readonly BenchRow[]> {
  const payload = JSON.stringify({
    id: 'evt_01M8529ZWPM8TS1P45K5Q0FDFJ',
    type: 'tool.start',
    event: 'tool.start',
    timestamp: new Date().toISOString(),
    sequence: 1000,
    data: { callId: 'call_1', tool: 'bash', params: { text: payloadText } },
  });
  const bareOptions = { receiverUrl: receiver.url, payload, concurrency, durationMs: durationMs / 2 };
  // Before and after, because the machine's speed drifts.
  await bare({ ...bareOptions, durationMs: 1000 });
  const before = await bare(bareOptions);
  const options = { urls: urlsOf(receiver, hooks), secret, payloadText, durationMs };
  const ours = await sender('steady', { ...options, home: home(folder, 'steady') });
  const after = await bare(bareOptions);
  const bareRate = (before.perSecond + after.perSecond) / 2;
  const rows: BenchRow[] = [
    {
      what: `delivered/s, durable, signed, 1 KB, ${concurrency} at once: ours / bare undici`,
      value: `${ratio(ours.perSecond / bareRate)} (${whole(ours.perSecond)} / ${whole(bareRate)})`,
      target: '>= 0.50',
      outcome: outcomeOf(ours.perSecond >= 0.5 * bareRate),
    },
  ];
  const one = await sender('steady', { ...options, urls: urlsOf(receiver, 1), home: home(folder, 'one') });
  rows.push({
    what: 'delivered/s to a single webhook (8 at once)',
    value: `${whole(one.perSecond)} / s`,
    target: '-',
    outcome: 'none',
  });
  const peerOptions = { receiverUrl: receiver.url, payload, secret, durationMs: durationMs * 1.5 };
  for (const peer of [
    await pgBoss({ ...peerOptions, variant: 'defaults' }),
    await pgBoss({ ...peerOptions, variant: 'tuned' }),
    await bullmq({ ...peerOptions, variant: 'defaults' }),
  ])
    rows.push(beside(ours, peer));
  return rows;
}

function beside(ours: SenderReport, peer: PeerResult): BenchRow {
  const what = `delivered/s: ours / ${peer.name}`;
  if ('skipped' in peer)
    return { what, value: `skipped: ${peer.skipped}`, target: '>= 3x', outcome: 'skipped' };
  return {
    what,
    value: `${ratio(ours.perSecond / peer.perSecond)}x (${whole(ours.perSecond)} / ${whole(peer.perSecond)})`,
    target: '>= 3x',
    outcome: outcomeOf(ours.perSecond >= 3 * peer.perSecond),
  };
}

async function emitting(folder: string, receiver: ReceiverProcess): Promise<readonly BenchRow[]> {
  const report = await sender('paced', {
    home: home(folder, 'paced'),
    urls: urlsOf(receiver, 100),
    secret,
    payloadText,
    durationMs,
  });
  return [
    {
      what: 'emit(), 100 matching webhooks, 500 emits/s: p99 (p50)',
      value: `${report.p99.toFixed(1)} ms (${report.p50.toFixed(1)} ms)`,
      target: '<= 5 ms',
      outcome: outcomeOf(report.p99 <= 5),
    },
  ];
}

async function oneDead(folder: string, receiver: ReceiverProcess): Promise<readonly BenchRow[]> {
  const options = { secret, payloadText, durationMs };
  const urls = urlsOf(receiver, 99);
  const rates = { alive: [] as number[], dead: [] as number[] };
  for (const round of [1, 2]) {
    const alive = await sender('steady', { ...options, urls, home: home(folder, `alive-${round}`) });
    // A port that nobody listens on.
    const deadUrl = 'http://127.0.0.1:1010/';
    const dead = await sender('steady', { ...options, urls, deadUrl, home: home(folder, `dead-${round}`) });
    rates.alive.push(alive.perSecond);
    rates.dead.push(dead.perSecond);
  }
  const cost = 1 - Math.max(...rates.dead) / Math.max(...rates.alive);
  return [
    {
      what: 'a dead receiver among 100: what the other 99 lose',
      value: `${(cost * 100).toFixed(1)} % (${rates.alive.map(whole).join(', ')} -> ${rates.dead.map(whole).join(', ')} / s)`,
      target: '< 5 %',
      outcome: outcomeOf(cost < 0.05),
    },
  ];
}

async function draining(folder: string, receiver: ReceiverProcess): Promise<readonly BenchRow[]> {
  const count = 16;
  const urls = urlsOf(receiver, count);
  const options = { urls, secret, payloadText, durationMs };
  const empty = await sender('steady', { ...options, home: home(folder, 'empty') });
  const path = home(folder, 'backlog');
  const webhooks = urls.map((url, i) => ({
    id: `webhook-${String(i).padStart(4, '0')}`,
    name: `webhook ${i}`,
    url,
    events: ['tool.start'],
    secret,
    enabled: true,
  }));
  writeFileSync(join(path, 'webhooks.json'), JSON.stringify({ webhooks }), { mode: 0o600 });
  await makeBacklog({
    home: path,
    webhookIds: webhooks.map(({ id }) => id),
    deliveries: backlog,
    payloadText,
  });
  const drain = await sender('drain', { ...options, home: path, durationMs: durationMs * 2 });
  const of = `backlog of ${whole(backlog)}`;
  return [
    {
      what: `${of}: start-up`,
      value: `${whole(drain.openMs)} ms`,
      target: '<= 1000 ms',
      outcome: outcomeOf(drain.openMs <= 1000),
    },
    {
      what: `${of}: resident while draining, at the start and the end`,
      value: `${whole(drain.rssAtStart)} MB, ${whole(drain.rssAtEnd)} MB`,
      target: '< 200 MB',
      outcome: outcomeOf(Math.max(drain.rssAtStart, drain.rssAtEnd) < 200),
    },
    {
      what: `${of}: drains, against the rate without one`,
      value: `${ratio(drain.perSecond / empty.perSecond)} (${whole(drain.perSecond)} / ${whole(empty.perSecond)})`,
      target: '>= 0.80',
      outcome: outcomeOf(drain.perSecond >= 0.8 * empty.perSecond),
    },
  ];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
}

function ratio(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(2);
}

if (import.meta.main) printRows((await run()).rows);
