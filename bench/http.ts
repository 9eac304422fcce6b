// Compares the request pipeline with bare node:http that sends the same bytes: `GET /health`, and an authenticated tool call with a body of 1 KB.
// Each server runs in its own process (NODE_ENV=production), the load generator in a third. Rounds alternate, and the figure is the median ratio of
// neighbouring rounds, so that a drift of the machine's speed affects both.
//
//   node bench/http.ts            all
//   node bench/http.ts serve ours|bare     one server, for a profiler

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { devNull } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type BenchResult, type BenchRow, outcomeOf, printRows } from './bench-result.ts';

const key = 'cbk_bench0123456789012345678901234567890123';
const connections = 64;
const rounds = 5;
const roundSeconds = 2;

/** About 1 KB of tool parameters. */
const body = JSON.stringify({
  path: 'src/index.ts',
  text: 'x'.repeat(900),
  options: { line: 12, all: false, tags: ['a', 'b'] },
});

/** The server as `serve` configures it, with its log discarded. */
async function serveOurs(): Promise<number> {
  const { RestApiServer } = await import('../src/api/rest-server.ts');
  const server = new RestApiServer({ port: 0, apiKey: key, logLevel: 'info' });
  server.onToolExecute = () => 'done';
  return (await server.start()).port;
}

/** The baseline: answers the same bytes. */
async function serveBare(): Promise<number> {
  const headers = {
    'X-Request-Id': 'req_01M84QX4SZEW9X13FNBX999ACM',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Content-Type': 'application/json; charset=utf-8',
  };
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const answer = (text: string): void => {
      response.writeHead(200, { ...headers, 'Content-Length': Buffer.byteLength(text) });
      response.end(text);
    };
    if (request.method === 'GET') {
      answer(JSON.stringify({ status: 'ok', timestamp: new Date().toISOString(), version: '0.1.0' }));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString('utf8'));
      answer(JSON.stringify({ result: 'done' }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}

interface Served {
  readonly port: number;
  stop(): Promise<void>;
}

async function startProcess(which: 'ours' | 'bare'): Promise<Served> {
  const log = openSync(devNull, 'w');
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve', which], {
    stdio: ['ignore', log, 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  closeSync(log);
  const [message] = (await once(child, 'message')) as [{ port: number }];
  return {
    port: message.port,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

interface Load {
  readonly path: string;
  readonly post: boolean;
}

/** Requests per second, measured by a separate process. */
async function measure(port: number, load: Load, seconds: number): Promise<number> {
  const head = [
    `${load.post ? 'POST' : 'GET'} ${load.path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: keep-alive',
    ...(load.post
      ? [`X-API-Key: ${key}`, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]
      : []),
  ];
  const request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${load.post ? body : ''}`).toString('base64');
  const program = fileURLToPath(new URL('./raw-load.ts', import.meta.url));
  const args = [program, String(port), String(connections), String(seconds), request];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`bench: the load generator failed with ${code}`);
  return Number(output);
}

async function compare(what: string, load: Load, atLeast: number): Promise<BenchRow> {
  const [ours, bare] = await Promise.all([startProcess('ours'), startProcess('bare')]);
  const ratios: number[] = [];
  const rates: number[] = [];
  try {
    for (const { port } of [ours, bare]) await measure(port, load, 1);
    for (let round = 0; round < rounds; round++) {
      // Alternate which server goes first: the second one always finds a warmer machine.
      const order = round % 2 === 0 ? [ours, bare] : [bare, ours];
      const rate = new Map<Served, number>();
      for (const served of order) rate.set(served, await measure(served.port, load, roundSeconds));
      ratios.push((rate.get(ours) ?? 0) / (rate.get(bare) ?? 1));
      rates.push(rate.get(ours) ?? 0);
    }
  } finally {
    await Promise.all([ours.stop(), bare.stop()]);
  }
  const ratio = median(ratios);
  return {
    what,
    value: `${ratio.toFixed(2)} of bare node:http (${Math.round(median(rates)).toLocaleString('en')}/s)`,
    target: `>= ${atLeast.toFixed(2)}`,
    outcome: outcomeOf(ratio >= atLeast),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export async function run(): Promise<BenchResult> {
  return {
    name: 'http',
    rows: [
      await compare(`GET /health, ${connections} connections`, { path: '/health', post: false }, 0.9),
      await compare('POST /api/tools/:tool, key, 1 KB', { path: '/api/tools/none', post: true }, 0.7),
    ],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'serve') {
    const port = await (process.argv[3] === 'bare' ? serveBare() : serveOurs());
    if (process.send === undefined) console.error(`http://127.0.0.1:${port}`);
    else process.send({ port });
  } else {
    printRows((await run()).rows);
  }
}
