// Measures how events reach readers: a stream that catches up a long log against reading its rows, a page against a bare
// server that sends the rows' text, and a thousand stream readers against one. Servers run in their own processes
// (stream-server.ts); this process is the client. Rounds alternate, and a figure is the median of neighbouring rounds.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeId } from '../src/base/ids.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Write } from '../src/store/store.ts';
import { type BenchResult, type BenchRow, rowOf, tableOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { monotonicMs } from './monotonic-clock.ts';
import { alternate, type Compared, spreadOf } from './rounds.ts';
import { type FromStreamServer, streamKey, type ToStreamServer } from './stream-server.ts';

const logged = 200_000;
const rounds = 5;
const pageSeconds = 1.5;
const pageConnections = 4;
const manyReaders = 1000;
const liveEvents = 60;
const liveRounds = 3;

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => ({
    name: 'streams',
    rows: [...(await history(join(folder, 'history.db'))), ...(await fanOut(join(folder, 'live.db')))],
  }));
}

interface Served {
  readonly port: number;
  ask(message: ToStreamServer): Promise<Extract<FromStreamServer, { kind: 'done' }>>;
  stop(): Promise<void>;
}

async function startProcess(which: 'ours' | 'bare', path: string): Promise<Served> {
  const program = fileURLToPath(new URL('./stream-server.ts', import.meta.url));
  const child: ChildProcess = fork(program, [which, path], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    port,
    async ask(message) {
      child.send(message);
      const [answer] = (await once(child, 'message')) as [Extract<FromStreamServer, { kind: 'done' }>];
      return answer;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** A log of tool calls with about 250 bytes of data each. */
async function buildLog(path: string): Promise<void> {
  const store = await openSqliteStore({ path });
  const output = 'one line of what a tool has printed\\n'.repeat(4);
  for (let done = 0; done < logged; done += 10_000) {
    const writes: Write[] = [];
    for (let n = done; n < done + 10_000; n++) {
      writes.push({
        kind: 'appendEvent',
        event: {
          id: makeId('evt'),
          type: 'tool.complete',
          timestamp: 1_700_000_000_000 + n,
          sessionId: `ses_${n % 20}`,
          runId: `run_${n % 20}`,
          data: `{"callId":"call_${n}","tool":"bash","ok":true,"durationMs":12,"result":{"output":"${output}","exitCode":0}}`,
        },
      });
    }
    await store.write(writes);
  }
  await store.close();
}

async function history(path: string): Promise<readonly BenchRow[]> {
  await buildLog(path);
  // Two processes may not own the database, but the bare one only reads.
  const ours = await startProcess('ours', path);
  const bare = await startProcess('bare', path);
  const request = (target: string, more: string): string =>
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${streamKey}\r\n${more}\r\n`;
  const pageOf = (served: Served): Promise<number> =>
    pagesPerSecond(served.port, request('/api/events?after=0&limit=200', ''));
  try {
    const caughtUp = async () => (logged / (await catchUp(ours.port))) * 1000;
    const rowsRead = async () => (logged / (await bare.ask({ kind: 'readRows' })).ms) * 1000;
    await alternate(1, caughtUp, rowsRead);
    const streamed = await alternate(rounds, caughtUp, rowsRead);
    const pages = (served: Served) => () => pageOf(served);
    await alternate(1, pages(ours), pages(bare));
    const paged = await alternate(rounds, pages(ours), pages(bare));
    const seen = (compared: Compared): string =>
      `${wholeText(compared.ours.median)} / s, bare ${wholeText(compared.bare.median)} / s`;
    return [
      rowOf({
        what: `a stream that catches up ${wholeText(logged)} events / reading the rows bare`,
        measured: streamed.ratio,
        target: { atLeast: 0.35 },
        seen: seen(streamed),
      }),
      rowOf({
        what: '`GET /api/events?limit=200` / bare node:http that reads the rows and sends the text of their data',
        measured: paged.ratio,
        target: { atLeast: 0.5 },
        seen: seen(paged),
      }),
    ];
  } finally {
    await ours.stop();
    await bare.stop();
  }
}

/** The time of a stream from its first event to the last one, in ms. The reader only looks at the end. */
async function catchUp(port: number): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const target = `/api/events?after=0`;
  const startedAt = performance.now();
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${streamKey}\r\nAccept: text/event-stream\r\n\r\n`,
  );
  const last = `"sequence":${logged},`;
  let end = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    end = (end + chunk.subarray(-1000).toString('latin1')).slice(-2000);
    if (end.includes(last)) break;
  }
  socket.destroy();
  return performance.now() - startedAt;
}

async function pagesPerSecond(port: number, request: string): Promise<number> {
  let answered = 0;
  let isOver = false;
  async function drive(): Promise<void> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let head = '';
    let missing = 0;
    socket.write(request);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      let body = chunk.length;
      if (missing === 0) {
        const text = chunk.toString('latin1');
        head = text.slice(0, text.indexOf('\r\n\r\n') + 4);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        if (!head.startsWith('HTTP/1.1 200 ') || !(length > 0)) throw new Error(`bench: unexpected ${text}`);
        missing = length;
        body -= head.length;
      }
      missing -= body;
      if (missing > 0) continue;
      answered++;
      if (isOver) break;
      socket.write(request);
    }
    socket.destroy();
  }
  const startedAt = performance.now();
  const timer = setTimeout(() => {
    isOver = true;
  }, pageSeconds * 1000);
  await Promise.all(Array.from({ length: pageConnections }, drive));
  clearTimeout(timer);
  return answered / ((performance.now() - startedAt) / 1000);
}

async function fanOut(path: string): Promise<readonly BenchRow[]> {
  const served = await startProcess('ours', path);
  try {
    const cpu: number[] = [];
    const many = async () => {
      const { p99, cpuMs } = await delays(served, manyReaders);
      cpu.push((cpuMs * 1000) / (manyReaders * liveEvents));
      return p99;
    };
    const one = async () => (await delays(served, 1)).p99;
    await one();
    const { ours, bare, ratio } = await alternate(liveRounds, many, one);
    return [
      rowOf({
        what: `${manyReaders} stream readers, every event to all: p99 delay / that of one reader`,
        measured: ratio,
        target: { atMost: 20 },
        seen: `${ours.median.toFixed(1)} ms / ${bare.median.toFixed(1)} ms`,
      }),
      rowOf({
        what: `CPU of the server per reader and event, ${manyReaders} readers`,
        measured: spreadOf(cpu),
        unit: 'µs',
      }),
    ];
  } finally {
    await served.stop();
  }
}

interface Delays {
  readonly p99: number;
  /** CPU time of the server. */
  readonly cpuMs: number;
}

/** The time from an append to its arrival at each of `count` readers. */
async function delays(served: Served, count: number): Promise<Delays> {
  const seen: number[] = [];
  const readers = await Promise.all(
    Array.from({ length: count }, () =>
      openReader(served.port, (at) => {
        seen.push(monotonicMs() - at);
      }),
    ),
  );
  await wait(300);
  const before = await served.ask({ kind: 'cpu' });
  const after = await served.ask({ kind: 'append', count: liveEvents, everyMs: 40 });
  const until = performance.now() + 10_000;
  while (seen.length < count * liveEvents && performance.now() < until) await wait(20);
  for (const reader of readers) reader.destroy();
  if (seen.length !== count * liveEvents)
    throw new Error(`bench: ${seen.length} of ${count * liveEvents} events came`);
  await wait(100);
  seen.sort((left, right) => left - right);
  return { p99: seen[Math.floor(seen.length * 0.99)] as number, cpuMs: after.cpuMs - before.cpuMs };
}

async function openReader(port: number, onEvent: (at: number) => void): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.write(
    `GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${streamKey}\r\nAccept: text/event-stream\r\n\r\n`,
  );
  const connected = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (text.includes(': connected')) resolve();
      for (const [, at] of text.matchAll(/"callId":"([\d.]+)"/g)) onEvent(Number(at));
    });
  });
  await connected;
  return socket;
}

if (import.meta.main) console.log(tableOf((await run()).rows));
