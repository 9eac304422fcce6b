// The servers that streams.ts measures, each in its own process over the same database:
//
//   node bench/stream-server.ts ours|bare PATH
//
// `ours` is the REST server with the event log, `bare` a node:http server that reads the rows and sends their text. Its
// parent asks for work by messages.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { RestApiServer } from '../src/api/rest-server.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { monotonicMs } from './monotonic-clock.ts';

export type ToStreamServer =
  /** Append this many events, one each `everyMs`. Each names the time of its append in `callId`. */
  | { readonly kind: 'append'; readonly count: number; readonly everyMs: number }
  /** Read all rows of the database once. */
  | { readonly kind: 'readRows' }
  | { readonly kind: 'cpu' };

export type FromStreamServer =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'done'; readonly ms: number; readonly cpuMs: number };

export const streamKey = 'cbk_bench0123456789012345678901234567890123';

async function serveOurs(path: string): Promise<number> {
  const store = await openSqliteStore({ path });
  const log = createEventLog({ store });
  const many = 2000;
  const server = new RestApiServer(
    {
      port: 0,
      apiKey: streamKey,
      logLevel: 'error',
      maxStreams: many,
      maxStreamsPerKey: many,
      maxConnections: many,
      maxConnectionsPerKey: many,
    },
    { events: log },
  );
  answer(async ({ count, everyMs }) => {
    for (let n = 0; n < count; n++) {
      const data = { callId: String(monotonicMs()), tool: 'read_file', params: { path: `src/file-${n}.ts` } };
      await log.append([{ type: 'tool.start', data, sessionId: 'ses_1', runId: 'run_1' }]);
      await wait(everyMs);
    }
  });
  return (await server.start()).port;
}

async function serveBare(path: string): Promise<number> {
  const database = new DatabaseSync(path, { readOnly: true });
  const page = database.prepare('SELECT * FROM events WHERE sequence > ? ORDER BY sequence LIMIT 200');
  const all = database.prepare('SELECT * FROM events ORDER BY sequence');
  answer(async () => {
    let rows = 0;
    for (const { data } of all.iterate()) rows += (data as string).length > 0 ? 1 : 0;
    if (rows === 0) throw new Error('bench: no rows');
  });
  const server = createServer((_request, response) => {
    const texts = page.all(0).map(({ data }) => data as string);
    const body = `{"events":[${texts.join(',')}],"nextCursor":null}`;
    response.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('bench: no port');
  return address.port;
}

function answer(work: (message: { count: number; everyMs: number }) => Promise<void>): void {
  process.on('message', async (message: ToStreamServer) => {
    const startedAt = performance.now();
    if (message.kind === 'append') await work(message);
    else if (message.kind === 'readRows') await work({ count: 0, everyMs: 0 });
    const { user, system } = process.cpuUsage();
    const ms = performance.now() - startedAt;
    process.send?.({ kind: 'done', ms, cpuMs: (user + system) / 1000 } satisfies FromStreamServer);
  });
}

if (import.meta.main && process.send !== undefined) {
  const [which, path] = process.argv.slice(2) as ['ours' | 'bare', string];
  const port = await (which === 'bare' ? serveBare(path) : serveOurs(path));
  process.send({ kind: 'ready', port } satisfies FromStreamServer);
  process.once('disconnect', () => process.exit(0));
}
