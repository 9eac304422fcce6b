// Measures several nodes on one PostgreSQL, each a process of its own: deliveries per second and the CPU of each
// delivery with 1, 2 and 4 nodes, beside SQLite and pg-boss; `emit` beside a bare commit; how soon another node
// receives an event; how soon it takes over; and how the cost of a delivery depends on the backlog.
//
//   node bench/nodes.ts [rates] [emit] [follower] [take-over] [backlog]

import { chmodSync } from 'node:fs';
import { startPostgresServer } from '../test/postgres/postgres-server.ts';
import { type BenchResult, type BenchRow, printRows } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { measureBacklog } from './node-backlog.ts';
import type { NodeBench } from './node-bench.ts';
import { measureEmit, measureFollower } from './node-latency.ts';
import { measureRates } from './node-rates.ts';
import { measureTakeOver } from './node-take-over.ts';
import { startReceiverProcess } from './receiver.ts';
import { hooksForAll } from './webhook-setup.ts';

const measures: Readonly<Record<string, (bench: NodeBench) => Promise<readonly BenchRow[]>>> = {
  rates: measureRates,
  emit: measureEmit,
  follower: measureFollower,
  'take-over': measureTakeOver,
  backlog: measureBacklog,
};

export function run(): Promise<BenchResult> {
  return measure(Object.keys(measures));
}

function measure(names: readonly string[]): Promise<BenchResult> {
  return onDisk(async (folder) => {
    // The server's own user must reach its folder.
    chmodSync(folder, 0o755);
    const server = await startPostgresServer({
      parent: folder,
      settings: { max_connections: 100, shared_buffers: '128MB' },
    });
    const receiver = await startReceiverProcess();
    let databases = 0;
    const bench: NodeBench = {
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
      for (const name of names) rows.push(...((await measures[name]?.(bench)) ?? []));
      return { name: 'nodes', rows };
    } finally {
      await receiver.stop();
      await server.remove();
    }
  });
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  printRows((await (names.length === 0 ? run() : measure(names))).rows);
}
