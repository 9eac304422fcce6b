// Webhook engines of several nodes of one PostgreSQL database, in this process.

import { expect, onTestFinished } from 'vitest';
import type { EventLog, NewEvent } from '../../../src/events/event-log.ts';
import { createEventLog } from '../../../src/events/log.ts';
import type { PostgresOwnership } from '../../../src/store/postgres/nodes/open-ownership.ts';
import type { NodeTiming } from '../../../src/store/postgres/nodes/timing.ts';
import { openSharedStore } from '../../../src/store/postgres/open-shared-store.ts';
import type { PostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { openWebhookEngine, type WebhookEngine } from '../../../src/webhooks/engine.ts';
import { postgresUrl, startPostgres } from '../../postgres/postgres-url.ts';
import { waitFor } from '../../wait-for.ts';
import { startReceiver } from '../recording-receiver.ts';

export interface NodeBench {
  readonly url: string;
  /**
   * Start a node, which may reach the database by another URL. It is stopped when the test ends. `watched` wraps the
   * store that its engine gets.
   */
  start(through?: string, watched?: (store: PostgresStore) => PostgresStore): Promise<WebhookNode>;
  sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface WebhookNode {
  readonly engine: WebhookEngine;
  readonly log: EventLog;
  readonly store: PostgresStore;
  readonly ownership: PostgresOwnership;
  readonly warnings: readonly string[];
  /** Leave as a server does that stops. */
  stop(): Promise<void>;
}

/** For tests in which no node dies: a pause of a slow machine costs no node its lease. */
export const patient: Partial<NodeTiming> = {
  leaseMs: 120_000,
  graceMs: 120_000,
  lockGraceMs: 60_000,
  lockFreeMs: 61_000,
  gapMs: 60_000,
  answerMs: 60_000,
};

export async function startNodeBench(timing: Partial<NodeTiming> = {}): Promise<NodeBench> {
  const url = await postgresUrl();
  return {
    url,
    async sql(text) {
      return (await startPostgres()).query(text, new URL(url).pathname.slice(1));
    },
    async start(through = url, watched = (store) => store) {
      const { store, ownership } = await openSharedStore({ url: `${through}?max=4`, node: { timing } });
      const log = createEventLog({ store, deltas: ownership.deltas });
      const warnings: string[] = [];
      const engine = await openWebhookEngine({
        ...{ store: watched(store), log, ownership },
        warn: (message, error) =>
          warnings.push(error === undefined ? message : `${message}: ${String(error)}`),
      });
      let stopping: Promise<void> | undefined;
      const stop = async (): Promise<void> => {
        await engine.close(0);
        await ownership.close();
        await log.close();
        await store.close();
      };
      const node = {
        ...{ engine, log, store, ownership, warnings },
        stop() {
          stopping ??= stop();
          return stopping;
        },
      };
      onTestFinished(node.stop);
      return node;
    },
  };
}

export function toolStart(n: number, text = ''): NewEvent {
  return { type: 'tool.start', data: { callId: `call_${n}`, tool: 'bash', params: { n, text } } };
}

/** Wait until one of the nodes owns the webhook. */
export function ownerOf(webhookId: string, nodes: readonly WebhookNode[]): Promise<WebhookNode> {
  return waitFor(`an owner of ${webhookId}`, () =>
    nodes.find(({ ownership }) => ownership.lanes.isOwn(webhookId)),
  );
}

/** The node that owns the webhook, and another one. */
export async function ownerAndOther(
  webhookId: string,
  nodes: readonly WebhookNode[],
): Promise<{ readonly owner: WebhookNode; readonly other: WebhookNode }> {
  const owner = await ownerOf(webhookId, nodes);
  const other = nodes.find((node) => node !== owner);
  if (other === undefined) throw new Error('There is no other node.');
  return { owner, other };
}

/** Two nodes, and a webhook that one of them owns. */
export async function startPair({ start }: Pick<NodeBench, 'start'>, input: object = {}) {
  const nodes = [await start(), await start()] as const;
  const receiver = await startReceiver();
  const { webhook } = await nodes[0].engine.create({ url: receiver.url, events: ['tool.*'], ...input });
  await waitFor('both nodes to know it', () =>
    nodes.every(({ engine }) => engine.forEvent('tool.start').length === 1),
  );
  return { nodes, receiver, webhook, ...(await ownerAndOther(webhook.id, nodes)) };
}

/** Awaits a change of a webhook that one node makes, and waits until it is in force on all. */
export async function inForce<T>(change: Promise<T>, isInForce: () => boolean): Promise<T> {
  const startedAt = performance.now();
  const changed = await change;
  // A node that did not answer within a second finds the change later.
  if (performance.now() - startedAt < 1000) expect(isInForce()).toBe(true);
  await waitFor('the change on all nodes', isInForce);
  return changed;
}
