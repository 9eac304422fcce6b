// The faults of a cluster, one in each round. Each fault begins under load, lasts until its effect was seen, and is
// over when it resolves; `recovered` then waits until all nodes work again, without a restart of their processes.

import { waitFor } from '../../wait-for.ts';
import type { Cluster } from './cluster.ts';
import type { Load } from './load.ts';
import type { ChaosNode } from './node.ts';
import type { Chance } from './random.ts';

export interface Scene extends Cluster {
  readonly load: Load;
  readonly chance: Chance;
}

/** A pause of a process. It may have been stopped between its last look at its lease and the write to the socket. */
export interface Pause {
  readonly node: string;
  /** Unix ms. */
  readonly resumedAt: number;
  /** When it joined again. */
  readonly joinedAt: number;
}

export type Fault = (scene: Scene) => Promise<Pause | undefined>;

export const faults: Readonly<Record<string, Fault>> = {
  'kill -9 of a node': async (scene) => {
    const { node, other } = choose(scene);
    const { id } = node;
    await node.kill();
    await declaredDead(other, id);
    await worksOn(scene, other);
    await node.start();
    return undefined;
  },

  'clean stop of a node': async (scene) => {
    const { node, other } = choose(scene);
    await node.stop();
    await worksOn(scene, other);
    await node.start();
    return undefined;
  },

  'a node is stopped beyond its lease': async (scene) => {
    const { node, other } = choose(scene);
    node.pause();
    await declaredDead(other, node.id);
    await worksOn(scene, other);
    const resumedAt = Date.now();
    await node.resume();
    const joinedAt = await waitFor(
      `${node.name} to join again`,
      () => scene.joinedAt(node, resumedAt),
      () => node.log().slice(-4000),
    );
    return { node: node.name, resumedAt, joinedAt };
  },

  'PostgreSQL is restarted': async (scene) => {
    await scene.server.stop();
    await refusedByAll(scene);
    await scene.server.start();
    return undefined;
  },

  'kill -9 of PostgreSQL': async (scene) => {
    await scene.server.kill();
    await refusedByAll(scene);
    await scene.server.start();
    return undefined;
  },

  'a network that is cut': (scene) => cutOff(scene, false),

  'a network that is cut beyond the lease': (scene) => cutOff(scene, true),

  'the answer to a COMMIT is lost': async (scene) => {
    const { node } = choose(scene);
    for (let times = 1 + scene.chance.whole(4); times > 0; times--)
      await node.database.breakAt('toClient', 'COMMIT');
    return undefined;
  },

  'too many connections': async (scene) => {
    await limitConnections(scene, 0);
    for (const { database } of scene.nodes) database.breakConnections();
    await refusedByAll(scene);
    await limitConnections(scene, -1);
    return undefined;
  },
};

/** All nodes are ready, and each acknowledges prompts. */
export async function recovered(scene: Scene): Promise<void> {
  for (const node of scene.nodes) {
    await waitFor(
      `${node.name} to be ready`,
      async () => (await node.client.ready()).status === 'ready',
      () => node.log().slice(-4000),
    );
    await worksOn(scene, node);
  }
}

function choose({ nodes, chance }: Scene): { readonly node: ChaosNode; readonly other: ChaosNode } {
  const [node, other] = chance.shuffle(nodes) as readonly [ChaosNode, ChaosNode];
  return { node, other };
}

/** Cuts the way to the database in one direction or both, while the other nodes continue. */
async function cutOff(scene: Scene, isLong: boolean): Promise<undefined> {
  const { node, other } = choose(scene);
  const before = scene.load.refusedBy(node);
  node.database.cut(...scene.chance.pick([['toServer'], ['toClient'], ['toServer', 'toClient']] as const));
  await waitFor(
    `${node.name} to refuse`,
    () => scene.load.refusedBy(node) > before,
    () => node.log().slice(-4000),
  );
  if (isLong) await declaredDead(other, node.id);
  await worksOn(scene, other);
  await node.database.heal();
  return undefined;
}

async function declaredDead(by: ChaosNode, id: string): Promise<void> {
  await waitFor(
    `${by.name} to see that ${id} is dead`,
    async () => (await by.nodes()).some((node) => node.id === id && !node.alive),
    () => by.nodes(),
  );
}

/** The node acknowledges one more prompt. */
async function worksOn({ load }: Scene, node: ChaosNode): Promise<void> {
  const before = load.countOf(node);
  await waitFor(
    `${node.name} to acknowledge a prompt`,
    () => load.countOf(node) > before,
    () => ({ faults: load.faults, log: node.log().slice(-4000) }),
  );
}

/** Each node answers 503 to one more request. */
async function refusedByAll({ load, nodes }: Scene): Promise<void> {
  const before = nodes.map((node) => load.refusedBy(node));
  await waitFor(
    'all nodes to refuse',
    () => nodes.every((node, index) => load.refusedBy(node) > (before[index] ?? 0)),
    () => nodes.map((node) => node.log().slice(-2000)),
  );
}

/** Of the nodes' role together. -1: no limit. */
async function limitConnections({ server, role }: Scene, limit: number): Promise<void> {
  await server.query(`ALTER ROLE ${role} CONNECTION LIMIT ${limit}`);
}
