// The nodes of the database, for the API and the metrics.

import type { Agent } from '../agent/agent.ts';
import type { Node } from '../contract/node.ts';
import type { EventLog } from '../events/event-log.ts';
import type { NodeService } from '../http/services.ts';
import type { NodeInfo, Ownership } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import type { WebhookEngine } from '../webhooks/engine.ts';

export interface NodeServiceOptions {
  readonly store: Pick<Store, 'eventBounds'>;
  readonly ownership: Pick<Ownership, 'shared' | 'node'>;
  readonly log: EventLog;
  readonly agent: Agent;
  readonly webhooks: WebhookEngine;
}

export function createNodeService(options: NodeServiceOptions): NodeService {
  const { store, ownership, log, agent, webhooks } = options;
  const { shared, node } = ownership;

  /** How many events this node has still to see. */
  async function ownLag(): Promise<number | null> {
    const { last } = await store.eventBounds();
    // Read after the end of the log, so that an event in between does not count.
    const { seen } = log.stats();
    return seen === undefined ? null : Math.max(0, last - seen);
  }

  /** On SQLite this node owns everything, and keeps no list of it. */
  async function owned(info: NodeInfo): Promise<Node['owns']> {
    if (shared) return info.owns;
    return { lanes: (await webhooks.list()).length, runs: agent.runs.activeCount() };
  }

  return {
    lease: () => ({ nodeId: node.id, leftMs: node.leaseLeftMs() }),
    list: async () =>
      Promise.all(
        (await node.list()).map(async (info) => ({
          id: info.id,
          url: info.url,
          version: info.version,
          status: info.status,
          alive: info.status === 'alive',
          self: info.self,
          startedAt: new Date(info.startedAt).toISOString(),
          leaseUntil: info.leaseUntil === null ? null : new Date(info.leaseUntil).toISOString(),
          owns: await owned(info),
          lag: info.self ? await ownLag() : info.lag,
        })),
      ),
  };
}
