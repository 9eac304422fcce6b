// Nodes of one PostgreSQL database in this process.

import { onTestFinished } from 'vitest';
import type { LaneWorker, Ownership } from '../../../src/store/ownership.ts';
import {
  openSharedStore,
  type SharedStore,
  type SharedStoreOptions,
} from '../../../src/store/postgres/open-shared-store.ts';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';

/** Open a node of the database. It leaves when the test ends. */
export async function openNode(url: string, options: Partial<SharedStoreOptions> = {}): Promise<SharedStore> {
  const opened = await openSharedStore({
    url: `${url}?max=3`,
    connectTimeoutMs: WAIT_LIMIT_MS,
    ...options,
    node: { joinTimeoutMs: WAIT_LIMIT_MS, ...options.node },
  });
  onTestFinished(() => opened.close());
  return opened;
}

/** Resolves when the node has looked at the other nodes this often. */
export async function looks({ claims }: Ownership, count: number): Promise<void> {
  for (let look = 0; look < count; look++) {
    await new Promise<void>((resolve) => {
      const stop = claims.onReleased(() => {
        stop();
        resolve();
      });
    });
  }
}

/** A worker that keeps a list of its lanes. */
export class LaneList implements LaneWorker {
  readonly lanes = new Set<string>();
  /** Every call, in order. */
  readonly calls: string[] = [];
  /** What `handOver` waits for. */
  handingOver: Promise<void> = Promise.resolve();

  gained(webhookId: string): void {
    this.calls.push(`gained ${webhookId}`);
    this.lanes.add(webhookId);
  }

  async handOver(webhookId: string): Promise<void> {
    this.calls.push(`hand over ${webhookId}`);
    await this.handingOver;
    this.lanes.delete(webhookId);
  }

  lost(webhookId: string): void {
    this.calls.push(`lost ${webhookId}`);
    this.lanes.delete(webhookId);
  }
}
