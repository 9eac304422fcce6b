// Nodes as real processes on one PostgreSQL, under load, in rounds of faults in a random order. CHAOS_ROUNDS says how
// many, CHAOS_SEED repeats an order, CHAOS_FAULTS chooses faults by a part of their names, CHAOS_NODES says how many
// nodes. After the rounds all promises are checked.

import { afterAll, beforeAll, test } from 'vitest';
import { type PostgresServer, startPostgresServer } from '../../postgres/postgres-server.ts';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS } from '../../wait-for.ts';
import { startCluster } from './cluster.ts';
import { faults, type Pause, recovered } from './faults.ts';
import { follow } from './follower.ts';
import { startLoad } from './load.ts';
import { checkAnswers, checkPromises } from './promises.ts';
import { createChance } from './random.ts';

const rounds = Number(process.env.CHAOS_ROUNDS ?? 2);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const count = Number(process.env.CHAOS_NODES ?? 2);
const chosen = Object.keys(faults).filter((name) => name.includes(process.env.CHAOS_FAULTS ?? ''));

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgresServer();
});
afterAll(() => server.remove());

test(`${rounds} rounds of faults lose and change nothing that was acknowledged (CHAOS_SEED=${seed})`, {
  timeout: TEST_LIMIT_MS + rounds * 2 * WAIT_LIMIT_MS,
}, async () => {
  const chance = createChance(seed);
  const cluster = await startCluster(server, { count });
  const followers = cluster.nodes.map(follow);
  await cluster.createWebhook('/plain');
  await cluster.createWebhook('/ordered', { ordered: true });
  const [{ client }] = cluster.nodes as readonly [(typeof cluster.nodes)[0]];
  const { events } = await client.events.list({ limit: 1, order: 'desc' });
  const load = startLoad(cluster.nodes);
  const scene = { ...cluster, load, chance };
  const pauses: Pause[] = [];
  await recovered(scene);

  // Each kind once, then again in another order.
  let deck: readonly string[] = [];
  for (let round = 1; round <= rounds; round++) {
    if (deck.length === 0) deck = chance.shuffle(chosen);
    const [name = '', ...rest] = deck;
    deck = rest;
    const startedAt = performance.now();
    try {
      const pause = await faults[name]?.(scene);
      if (pause !== undefined) pauses.push(pause);
      await recovered(scene);
      await checkAnswers(cluster, load, followers);
    } catch (error) {
      throw new Error(`CHAOS_SEED=${seed}, round ${round} (${name}): ${error}`, { cause: error });
    }
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const { size } = load.acknowledged;
    console.info(`round ${round}: ${name}, ${seconds} s; ${size} prompts were acknowledged so far`);
  }
  await load.end();
  await checkPromises({ cluster, load, followers, pauses, webhooksSince: events[0]?.sequence ?? 0 });
});
