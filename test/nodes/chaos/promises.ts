// The promises that hold after any number of faults.

import { expect } from 'vitest';
import { verifyWebhook } from '../../../src/webhooks/verify.ts';
import { waitFor } from '../../wait-for.ts';
import { type Cluster, type Happening, secret, sentTypes } from './cluster.ts';
import type { Pause } from './faults.ts';
import type { FollowedEvent, Follower } from './follower.ts';
import type { Load } from './load.ts';
import type { ChaosNode } from './node.ts';
import type { ReceivedDelivery } from './receiver.ts';
import { needlessUnknowns } from './unknown-outcomes.ts';

const endTypes: ReadonlySet<string> = new Set(['run.complete', 'run.failed', 'run.cancelled']);
const endStatuses: readonly string[] = ['completed', 'failed', 'cancelled', 'interrupted'];

export interface Aftermath {
  readonly cluster: Cluster;
  readonly load: Load;
  readonly followers: readonly Follower[];
  readonly pauses: readonly Pause[];
  /** The last event before the webhooks existed. */
  readonly webhooksSince: number;
}

/** Call it when the load has ended. Waits for the end of all runs and deliveries, then checks every promise. */
export async function checkPromises(aftermath: Aftermath): Promise<void> {
  const { cluster, load, followers } = aftermath;
  const { nodes } = cluster;
  await waitFor(
    'the end of all runs',
    async () => {
      const pages = await Promise.all(
        ['queued', 'running', 'waiting'].map((status) =>
          (nodes[0] as ChaosNode).client.runs.list({ status: status as 'queued' }),
        ),
      );
      return pages.every(({ runs }) => runs.length === 0);
    },
    () => (nodes[0] as ChaosNode).client.runs.list({ status: 'running' }),
  );
  const end = await lastSequence(nodes[0] as ChaosNode);
  await waitFor(
    `all streams to reach event ${end}`,
    () => followers.every(({ events }) => events.length >= end),
    () => followers.map(({ events, faults }) => ({ events: events.length, faults })),
  );
  await checkAnswers(cluster, load, followers);
  // Ids and bytes are the same on every node.
  const [log = [], ...others] = followers.map(({ events }) => events.slice(0, end));
  for (const other of others) expect(other).toEqual(log);
  expect(new Set(log.map(({ id }) => id)).size).toBe(end);

  await checkRuns(aftermath, log);
  await checkDeliveries(aftermath, log);
}

/** No client has got an answer that it may not get. */
export async function checkAnswers(
  { deaths }: Pick<Cluster, 'deaths'>,
  { faults, unknowns }: Load,
  followers: readonly Follower[],
): Promise<void> {
  const needless = unknowns.length === 0 ? [] : needlessUnknowns(unknowns, await deaths());
  const all = [...faults, ...needless, ...followers.flatMap((follower) => follower.faults)];
  // An error that holds them all: the report of a list shows only its length.
  if (all.length > 0) throw new Error(`${all.length} answers that a client may not get:\n${all.join('\n')}`);
}

type Log = Follower['events'];

async function lastSequence({ client }: ChaosNode): Promise<number> {
  const { events } = await client.events.list({ limit: 1, order: 'desc' });
  return events[0]?.sequence ?? 0;
}

/** Every acknowledged run is in the log, and has ended once, in the state that every node shows. */
async function checkRuns({ cluster, load }: Aftermath, log: Log): Promise<void> {
  const ends = new Map<string, string[]>();
  for (const { type, runId } of log)
    if (runId !== undefined && endTypes.has(type)) ends.set(runId, [...(ends.get(runId) ?? []), type]);
  const started = new Set(log.flatMap(({ runId }) => runId ?? []));
  const lost = [...load.acknowledged.keys()].filter((id) => !started.has(id));
  expect(lost, 'acknowledged runs that are not in the log').toEqual([]);
  const notOnce = [...started].flatMap((id) => (ends.get(id)?.length === 1 ? [] : [[id, ends.get(id)]]));
  expect(notOnce, 'runs that did not end once').toEqual([]);
  for (const id of load.cancelled) expect([id, ends.get(id)]).toEqual([id, ['run.cancelled']]);
  // Not all of them: a soak has many thousands.
  const some = [...load.acknowledged.keys()].filter((_, index) => index % 10 === 0).slice(-200);
  for (const id of some) {
    const [first, ...others] = await Promise.all(cluster.nodes.map(({ client }) => client.runs.get(id)));
    expect(endStatuses).toContain(first?.status);
    for (const other of others) expect(other).toEqual(first);
  }
}

/** Every event reached both webhooks, with its id and the same signed bytes each time, and in order where promised. */
async function checkDeliveries({ cluster, pauses, webhooksSince }: Aftermath, log: Log): Promise<void> {
  const { deliveries } = cluster.receiver;
  for (const [path, patterns] of Object.entries(sentTypes)) {
    const isSent = (type: string): boolean =>
      patterns.some((pattern) => type.startsWith(pattern.slice(0, -1)));
    const expected = log.filter(({ type }, index) => index >= webhooksSince && isSent(type));
    const missing = (): readonly FollowedEvent[] => {
      const ids = new Set(deliveries.filter((delivery) => delivery.path === path).map(idOf));
      return expected.filter(({ id }) => !ids.has(id));
    };
    // As long as some arrive.
    for (let left = missing().length; left > 0; left = missing().length)
      await waitFor(
        `one of ${left} events at ${path}`,
        () => missing().length < left,
        async () => ({
          missing: missing().map(({ sequence, type, id }) => `${sequence} ${type} ${id}`),
          webhooks: await (cluster.nodes[0] as ChaosNode).client.webhooks.list(),
        }),
      );
    const events = new Map(expected.map((event) => [event.id, event]));
    const bodies = new Map<string, string>();
    for (const delivery of deliveries.filter((each) => each.path === path)) {
      const id = idOf(delivery);
      const body = delivery.body.toString();
      // As of its arrival, because many rounds take longer than a signature is valid.
      const isSigned = verifyWebhook(delivery.body, delivery.headers, secret, { now: delivery.at });
      expect(isSigned, `the signature of ${id}`).toBe(true);
      expect(body, `the bytes of ${id}`).toBe(bodies.get(id) ?? body);
      bodies.set(id, body);
      const { sequence, data } = JSON.parse(body) as { readonly sequence: number; readonly data: unknown };
      expect({ sequence, data }).toEqual({ sequence: events.get(id)?.sequence, data: events.get(id)?.data });
    }
  }
  for (const { name, client } of cluster.nodes)
    await waitFor(
      `${name} to count no pending delivery`,
      async () => (await client.webhooks.list()).webhooks.every(({ state }) => state.pending === 0),
      async () => (await client.webhooks.list()).webhooks.map(({ state }) => state),
    );
  checkSenders(deliveries, pauses);
  checkOrder(
    deliveries.filter(({ path }) => path === '/ordered'),
    cluster.nodes,
    await cluster.joins(),
  );
}

const idOf = ({ headers }: ReceivedDelivery): string => String(headers['webhook-id']);

/**
 * A node that was stopped sends nothing when it continues, until it has joined again. The exception: the process was
 * stopped after its last look at its lease, before it wrote to the socket. That is one write for each connection.
 */
function checkSenders(deliveries: readonly ReceivedDelivery[], pauses: readonly Pause[]): void {
  for (const { node, resumedAt, joinedAt } of pauses) {
    const stale = deliveries.filter(
      (each) => each.node === node && each.at >= resumedAt && each.at < joinedAt,
    );
    const ordered = stale.filter(({ path }) => path === '/ordered');
    expect(ordered.length, `ordered deliveries of ${node} after its pause`).toBeLessThanOrEqual(1);
    expect(stale.length, `deliveries of ${node} after its pause`).toBeLessThanOrEqual(8);
  }
}

/**
 * An event may come again, but never after a later one. The exception above holds for every node that was declared dead
 * and has joined again: a busy machine stops a process, too.
 */
function checkOrder(
  deliveries: readonly ReceivedDelivery[],
  nodes: readonly ChaosNode[],
  joins: readonly Happening[],
): void {
  let highest = 0;
  const late: string[] = [];
  const excused = new Set<Happening>();
  const numbered = deliveries.map((delivery) => {
    const { sequence } = JSON.parse(delivery.body.toString()) as { readonly sequence: number };
    return { sequence, delivery, text: `${sequence} from ${delivery.node} at ${delivery.at}` };
  });
  for (const [index, { sequence, delivery, text }] of numbered.entries()) {
    if (sequence < highest) {
      const { id } = nodes.find(({ name }) => name === delivery.node) ?? {};
      const join = joins.find(({ nodeId, at }) => nodeId === id && at > delivery.at);
      if (join !== undefined && !excused.has(join)) excused.add(join);
      else {
        const first = numbered.findIndex((each) => each.sequence === sequence);
        const before = numbered.slice(Math.max(first, index - 20), index).map((each) => each.text);
        late.push(`${text}, after ${before.join(', ')}`);
      }
    }
    highest = Math.max(highest, sequence);
  }
  // Compared as one text: the report of a list would show only its first entry.
  expect(late.join('\n'), `events after later ones; joins: ${JSON.stringify(joins)}`).toBe('');
}
