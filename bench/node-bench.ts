// Shared by the parts of the benchmark of several nodes.

import { setTimeout as wait } from 'node:timers/promises';
import type { PostgresServer } from '../test/postgres/postgres-server.ts';
import { type NodeProcess, type NodeProcessOptions, startNodeProcess } from './node-process.ts';
import type { ReceiverProcess } from './receiver.ts';

export interface NodeBench {
  readonly folder: string;
  readonly server: PostgresServer;
  readonly receiver: ReceiverProcess;
  readonly urls: readonly string[];
  /** A new database. */
  database(): Promise<string>;
}

export function startNodes(options: NodeProcessOptions, count: number): Promise<readonly NodeProcess[]> {
  return Promise.all(Array.from({ length: count }, () => startNodeProcess(options)));
}

export async function stopAll(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}

/** Creates a webhook for each URL, and waits until they are spread evenly. */
export async function createWebhooks(nodes: readonly NodeProcess[], urls: readonly string[]): Promise<void> {
  await nodes[0]?.create(urls);
  const share = urls.length / nodes.length;
  for (;;) {
    const owned = await Promise.all(nodes.map((node) => node.owned()));
    if (owned.every((lanes) => lanes === share)) return;
    await wait(10);
  }
}
