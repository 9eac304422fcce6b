// Compares the request pipeline with bare node:http that sends the same bytes: `GET /health`, and an authenticated tool
// call with a body of 1 KB. Each server runs in its own process (NODE_ENV=production), the load generator in a third.
//
//   node bench/http.ts            all
//   node bench/http.ts serve ours|bare     one server, for a profiler

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { devNull } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  type BenchResult,
  type BenchRow,
  printRows,
  type RowOptions,
  rowOf,
  wholeText,
} from './bench-result.ts';
import { postRequest, requestRate } from './request-rate.ts';
import { alternate } from './rounds.ts';

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

function measure(port: number, load: Load, seconds: number): Promise<number> {
  const request = load.post
    ? postRequest({ port, path: load.path, headers: [`X-API-Key: ${key}`], body })
    : `GET ${load.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n\r\n`;
  return requestRate({ port, connections, seconds, request });
}

interface Comparison extends Pick<RowOptions, 'what' | 'target' | 'quote'> {
  readonly load: Load;
}

async function compare({ load, ...row }: Comparison): Promise<BenchRow> {
  const [ours, bare] = await Promise.all([startProcess('ours'), startProcess('bare')]);
  try {
    for (const { port } of [ours, bare]) await measure(port, load, 1);
    const compared = await alternate(
      rounds,
      () => measure(ours.port, load, roundSeconds),
      () => measure(bare.port, load, roundSeconds),
    );
    const seen = `${wholeText(compared.ours.median)} / s, bare ${wholeText(compared.bare.median)} / s`;
    return rowOf({ ...row, measured: compared.ratio, seen });
  } finally {
    await Promise.all([ours.stop(), bare.stop()]);
  }
}

export async function run(): Promise<BenchResult> {
  return {
    name: 'http',
    rows: [
      await compare({
        what: `GET /health, ${connections} connections / bare node:http`,
        load: { path: '/health', post: false },
        target: { atLeast: 0.95 },
        quote: `GET /health per second, ${connections} connections / bare \`node:http\``,
      }),
      await compare({
        what: 'POST /api/tools/:tool with a key and 1 KB / bare node:http that reads and parses',
        load: { path: '/api/tools/none', post: true },
        target: { atLeast: 0.75 },
      }),
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
