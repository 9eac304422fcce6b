import { chmodSync } from 'node:fs';
import { startPostgresServer } from '../test/postgres/postgres-server.ts';
import { onDisk } from './disk-folder.ts';
import { createWebhooks, startNodes, stopAll } from './node-bench.ts';
import { startReceiverProcess } from './receiver.ts';
import { cpuMs } from './server-process.ts';
import { payloadText } from './webhook-setup.ts';
const count = Number(process.argv[2]);
await onDisk(async (folder) => {
  chmodSync(folder, 0o755);
  const server = await startPostgresServer({ parent: folder, settings: { shared_buffers: '128MB', shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': 'all' } });
  const receiver = await startReceiverProcess();
  await server.query('CREATE DATABASE b'); try { await server.query('CREATE EXTENSION pg_stat_statements', 'b'); } catch (e) { console.log(String(e)); }
  const urls = Array.from({ length: 8 }, (_, i) => `${receiver.url}/${i}`);
  const nodes = await startNodes({ place: { url: `${server.url('b')}?max=6` }, payloadText }, count);
  await createWebhooks(nodes, urls);
  let emitted = 0, delivered = 0;
  const until = performance.now() + 6000;
  const c0 = nodes.reduce((s, n) => s + cpuMs(n.pid), 0);
  const f = Promise.all(nodes.map(async (n) => { while (performance.now() < until) { if (emitted * 8 - delivered < 1500 * count) { emitted += 32; await n.emit(32); } else await new Promise((r) => setTimeout(r, 1)); } }));
  while (performance.now() < until) { delivered = await receiver.count(); await new Promise((r) => setTimeout(r, 1)); }
  await f;
  const c1 = nodes.reduce((s, n) => s + cpuMs(n.pid), 0);
  console.log(count, 'nodes', delivered, 'delivered', emitted, 'emitted; µs/delivery', Math.round((c1 - c0) * 1000 / delivered));
  try { console.table((await server.query("SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 90) AS q, calls, round(total_exec_time) AS ms, rows FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 14", 'b'))); } catch (e) { console.log(String(e)); }
  await stopAll(nodes);
  await receiver.stop();
  await server.remove();
});
