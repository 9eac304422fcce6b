// Several nodes of one PostgreSQL database, in this process.

import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyError } from '../../../src/base/errors.ts';
import type { CommandOutcome } from '../../../src/store/ownership.ts';
import type { SharedStore } from '../../../src/store/postgres/open-shared-store.ts';
import { postgresUrl, startPostgres } from '../../postgres/postgres-url.ts';
import { startTcpProxy } from '../../postgres/tcp-proxy.ts';
import { waitFor } from '../../wait-for.ts';
import { LaneList, looks, openNode } from './shared-stores.ts';

const ids = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}_${String(n).padStart(3, '0')}`);

/** Run a statement as a person would. */
async function sql(url: string, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const server = await startPostgres();
  return server.query(text, new URL(url).pathname.slice(1));
}

/** Let `by` take over from a node that is alive, as if it had not renewed its lease. */
async function declareDead(url: string, gone: SharedStore, by: SharedStore): Promise<void> {
  await waitFor('the take-over', async () => {
    const rows = await sql(
      url,
      `SELECT take_over('${by.ownership.node.id}', ${by.ownership.node.epoch}, id, epoch, renewals) AS done
       FROM nodes WHERE id = '${gone.ownership.node.id}' AND epoch = ${gone.ownership.node.epoch}`,
    );
    return rows[0]?.done;
  });
}

test('ten nodes join at once and share the webhooks evenly, each with one owner', async () => {
  const url = await postgresUrl();
  const nodes = await Promise.all(
    ids('n', 10).map(async () => {
      const { ownership } = await openNode(url);
      const worker = new LaneList();
      ownership.lanes.serve(worker);
      return { ownership, worker };
    }),
  );
  await Promise.all(nodes.map(({ ownership }) => ownership.lanes.add(ids('whk', 35))));
  await waitFor(
    'even shares',
    () => {
      const counts = nodes.map(({ worker }) => worker.lanes.size);
      return counts.every((count) => count >= 3 && count <= 4) && counts.reduce((a, b) => a + b) === 35;
    },
    () => nodes.map(({ worker }) => worker.lanes.size),
  );
  expect(new Set(nodes.flatMap(({ worker }) => [...worker.lanes])).size).toBe(35);
  const [one] = nodes;
  const list = await one?.ownership.node.list();
  expect(list?.map(({ status, epoch }) => ({ status, epoch }))).toEqual(
    Array(10).fill({ status: 'alive', epoch: 1 }),
  );
  await waitFor('the list to show all lanes', async () => {
    const listed = (await one?.ownership.node.list()) ?? [];
    return listed.reduce((sum, { owns }) => sum + owns.lanes, 0) === 35;
  });
});

test('a new node gets its share only after requests in flight have ended', async () => {
  const url = await postgresUrl();
  const { ownership: first } = await openNode(url);
  const [worker, other] = [new LaneList(), new LaneList()];
  first.lanes.serve(worker);
  await first.lanes.add(ids('whk', 4));
  await first.lanes.add(['whk_pinned'], { pinned: true });
  await waitFor('the first node to own all', () => worker.lanes.size === 5);
  let endRequests: () => void = () => undefined;
  worker.handingOver = new Promise((resolve) => {
    endRequests = resolve;
  });
  const { ownership: second } = await openNode(url);
  second.lanes.serve(other);
  await waitFor(
    'the hand-over',
    () => worker.calls.filter((call) => call.startsWith('hand over')).length === 2,
  );
  expect(other.lanes.size).toBe(0);
  expect(worker.lanes.size).toBe(5);
  endRequests();
  await waitFor('the second node to own two', () => other.lanes.size === 2);
  expect(worker.lanes).toContain('whk_pinned');
  expect([...worker.lanes].filter((id) => other.lanes.has(id))).toEqual([]);
  // Nothing moves any more. After each look a node spreads the lanes, which has ended two looks later.
  const before = [...worker.calls, ...other.calls];
  await Promise.all([looks(first, 3), looks(second, 3)]);
  expect([...worker.calls, ...other.calls]).toEqual(before);
});

test('a node that leaves hands over its webhooks, and its claims are free', async () => {
  const url = await postgresUrl();
  const [first, second] = [await openNode(url), await openNode(url)];
  const [worker, other] = [new LaneList(), new LaneList()];
  first.ownership.lanes.serve(worker);
  await first.ownership.lanes.add(ids('whk', 3));
  await waitFor('the first node to own all', () => worker.lanes.size === 3);
  second.ownership.lanes.serve(other);
  expect(await first.ownership.claims.claim('task:a')).toBe(true);
  expect(await second.ownership.claims.claim('task:a')).toBe(false);
  await first.ownership.close();
  expect(worker.lanes.size).toBe(0);
  await waitFor('the second node to own all', () => other.lanes.size === 3);
  expect(await second.ownership.claims.claim('task:a')).toBe(true);
  expect(await second.ownership.node.list()).toMatchObject([
    { status: 'left' },
    { status: 'alive', self: true },
  ]);
});

test('a node of an older release writes nothing once the schema is newer, says so, and leaves', async () => {
  const url = await postgresUrl();
  const told: string[] = [];
  const logger = { warn: (_fields: object, message: string) => void told.push(message) };
  const [old, other] = [await openNode(url, { logger }), await openNode(url)];
  const messages: string[] = [];
  old.ownership.node.onSuperseded((message) => messages.push(message));
  other.ownership.node.onSuperseded(() => undefined);
  await sql(url, 'UPDATE schema_version SET version = version + 1');
  await expect(old.store.write([{ kind: 'touch', topic: 'late' }])).rejects.toMatchObject({
    code: 'storage_unavailable',
  });
  await waitFor('the message', () => messages.length === 1);
  expect(messages[0]).toContain('A newer release has migrated the database');
  // Only this line: the refused writes have the same reason.
  expect(told).toEqual(messages);
  expect(old.ownership.node.leaseLeftMs()).toBe(0);
  expect(await sql(url, 'SELECT count(*) AS n FROM topics')).toEqual([{ n: '0' }]);
  await old.close();
  expect(await sql(url, `SELECT alive FROM nodes WHERE id = '${old.ownership.node.id}'`)).toEqual([
    { alive: false },
  ]);
});

test('a node may be closed while it connects again', async () => {
  const proxy = await startTcpProxy((await startPostgres()).port);
  const node = await openNode(proxy.through(await postgresUrl()));
  proxy.hold();
  proxy.breakConnections();
  await waitFor('a connection on its way', () => proxy.held().length > 0);
  const closed = node.close();
  await proxy.heal();
  // An error without a listener would end the process, and fails the test.
  await closed;
});

test('a node that is closed while it joins again has left', async () => {
  const url = await postgresUrl();
  const proxy = await startTcpProxy((await startPostgres()).port);
  const [first, second] = [await openNode(proxy.through(url)), await openNode(url)];
  first.ownership.node.onLost(() => proxy.hold());
  await declareDead(url, first, second);
  await waitFor('the node to join again', () => proxy.held().includes('nodes-join'));
  const closed = first.close();
  await proxy.heal();
  await closed;
  expect(await second.ownership.node.list()).toMatchObject([{ status: 'left' }, { status: 'alive' }]);
});

test('a claim is refused while another node holds it, and its release is announced', async () => {
  const url = await postgresUrl();
  const [first, second] = [await openNode(url), await openNode(url)];
  expect(await first.ownership.claims.claim('session:ses_1')).toBe(true);
  expect(await second.ownership.claims.claim('session:ses_1')).toBe(false);
  expect(await second.ownership.claims.holderOf('session:ses_1')).toBe(first.ownership.node.id);
  const claimed = new Promise<void>((resolve) => {
    const stop = second.ownership.claims.onReleased(async () => {
      if (!(await second.ownership.claims.claim('session:ses_1'))) return;
      stop();
      resolve();
    });
  });
  await first.ownership.claims.release('session:ses_1');
  await claimed;
});

test('a node that was declared dead writes nothing, loses everything, and joins again', async () => {
  const url = await postgresUrl();
  // It learns that it is dead from the refused write, and not from a renewal before.
  const node = { timing: { renewMs: 3_600_000, leaseMs: 3_600_000 } };
  const [first, second] = [await openNode(url, { node }), await openNode(url, { node })];
  const worker = new LaneList();
  first.ownership.lanes.serve(worker);
  await first.ownership.lanes.add(ids('whk', 2));
  await waitFor('the lanes', () => worker.lanes.size === 2);
  const seen: string[] = [];
  first.ownership.node.onLost(() => seen.push(`lost at epoch ${first.ownership.node.epoch}`));
  first.ownership.node.onJoined(() => seen.push(`joined at epoch ${first.ownership.node.epoch}`));
  await declareDead(url, first, second);
  const write = first.store.write([{ kind: 'touch', topic: 'stale' }]);
  await expect(write).rejects.toMatchObject({
    code: 'storage_unavailable',
    headers: { 'Retry-After': '1' },
    message: expect.stringContaining('declared dead'),
  });
  await waitFor('the node to join again', () => seen.length === 2);
  expect(seen).toEqual(['lost at epoch 0', 'joined at epoch 3']);
  expect(worker.calls).toEqual(expect.arrayContaining(['lost whk_000', 'lost whk_001']));
  expect(await sql(url, 'SELECT count(*) AS n FROM topics')).toEqual([{ n: '0' }]);
  // It is alone with a worker, so it gets the lanes again.
  await waitFor('the lanes again', () => worker.lanes.size === 2);
  await first.store.write([{ kind: 'touch', topic: 'fresh' }]);
});

test('a node that was declared dead is not told that another node holds what it claims', async () => {
  const url = await postgresUrl();
  const [first, second] = [await openNode(url), await openNode(url)];
  await declareDead(url, first, second);
  // False would mean that another node holds it.
  const { claims } = first.ownership;
  for (const name of ['task:a', 'task:b']) {
    const outcome = await claims.claim(name).catch((error: unknown) => (error as CodeBuddyError).code);
    expect([true, 'storage_unavailable']).toContain(outcome);
  }
  await waitFor('the node to join again', () => claims.claim('task:a'));
  expect(await second.ownership.claims.claim('task:a')).toBe(false);
});

test('a node whose connection is cut reconnects and loses nothing', async () => {
  const url = await postgresUrl();
  // However long the new connection takes, the other node does not take over.
  const node = { timing: { lockFreeMs: 3_600_000 } };
  const [first] = [await openNode(url), await openNode(url, { node })];
  const worker = new LaneList();
  first.ownership.lanes.serve(worker);
  await first.ownership.lanes.add(ids('whk', 2));
  await waitFor('the lanes', () => worker.lanes.size === 2);
  const lost: unknown[] = [];
  first.ownership.node.onLost(() => lost.push('lost'));
  const locks = `SELECT pid FROM pg_locks JOIN nodes ON lock_key = (classid::bigint << 32) | objid::bigint
    WHERE locktype = 'advisory' AND id = '${first.ownership.node.id}'`;
  const [before] = await sql(url, locks);
  await sql(url, `SELECT pg_terminate_backend(${before?.pid})`);
  await waitFor('a new connection', async () => {
    const [after] = await sql(url, locks);
    return after !== undefined && after.pid !== before?.pid;
  });
  await waitFor('a good lease', () => first.ownership.node.leaseLeftMs() > 5000);
  expect(lost).toEqual([]);
  expect(first.ownership.node.epoch).toBe(1);
  expect(worker.lanes.size).toBe(2);
});

test('a run that another node owns cannot be claimed, and only this write fails', async () => {
  const url = await postgresUrl();
  const [first, second] = [await openNode(url), await openNode(url)];
  await first.store.write(first.ownership.runs.claim('run_1'));
  const topic = (name: string) => ({ kind: 'touch' as const, topic: name });
  const writes = await Promise.allSettled([
    second.store.write([topic('a')]),
    second.store.write([topic('b'), ...second.ownership.runs.claim('run_1')]),
    second.store.write([topic('c')]),
  ]);
  expect(writes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(writes[1]).toMatchObject({
    reason: { code: 'run_not_resumable', message: expect.stringContaining('"run_1"') },
  });
  expect(await sql(url, 'SELECT topic FROM topics ORDER BY topic')).toEqual([{ topic: 'a' }, { topic: 'c' }]);
  await first.store.write(first.ownership.runs.release('run_1'));
  await second.store.write(second.ownership.runs.claim('run_1'));
  expect(await first.ownership.runs.ownerOf('run_1')).toBe(second.ownership.node.id);
});

test('one survivor inherits the runs of a dead node, and is called until it has ended them', async () => {
  const url = await postgresUrl();
  const [first, second, third] = [await openNode(url), await openNode(url), await openNode(url)];
  await first.store.write(['run_1', 'run_2'].flatMap((id) => first.ownership.runs.claim(id)));
  const calls: string[] = [];
  for (const [name, { store, ownership }] of Object.entries({ second, third })) {
    let failures = 1;
    ownership.runs.onInherited(async (runIds) => {
      if (failures-- > 0) throw new Error('not yet');
      calls.push(`${name} ${runIds.join(' ')}`);
      await store.write(runIds.flatMap((id) => ownership.runs.release(id)));
    });
  }
  await declareDead(url, first, third);
  await waitFor('the end of the runs', async () => {
    const [row] = await sql(url, 'SELECT count(*) AS n FROM claims');
    return row?.n === '0';
  });
  expect(calls).toEqual(['third run_1 run_2']);
});

test('runs that a node left behind are inherited by the next node', async () => {
  const url = await postgresUrl();
  const first = await openNode(url);
  await first.store.write(first.ownership.runs.claim('run_1'));
  await first.ownership.close();
  const second = await openNode(url);
  const inherited = new Promise((resolve) =>
    second.ownership.runs.onInherited(async (runIds) => {
      await second.store.write(runIds.flatMap((id) => second.ownership.runs.release(id)));
      resolve(runIds);
    }),
  );
  expect(await inherited).toEqual(['run_1']);
});

test('a command is handled once by its target, and the answer comes back', async () => {
  const url = await postgresUrl();
  const [first, second] = [await openNode(url), await openNode(url)];
  const handled: unknown[] = [];
  second.ownership.commands.handle('double', async (data) => {
    handled.push(data);
    return { doubled: Number(data) * 2 };
  });
  second.ownership.commands.handle('fail', async () => {
    throw new CodeBuddyError('run_ended', 'Run "run_1" has ended.', { headers: { 'X-Why': 'ended' } });
  });
  second.ownership.commands.handle('break', async () => {
    throw new Error('a secret detail');
  });
  const send = (kind: string, data: unknown = null): Promise<CommandOutcome> =>
    first.ownership.commands.send(second.ownership.node.id, { kind, data }, { timeoutMs: 60_000 });
  const outcomes = await Promise.all(ids('c', 20).map((_, n) => send('double', n)));
  expect(outcomes).toEqual(ids('c', 20).map((_, n) => ({ status: 'done', answer: { doubled: n * 2 } })));
  expect(handled.sort((a, b) => Number(a) - Number(b))).toEqual(ids('c', 20).map((_, n) => n));
  expect(await send('fail')).toMatchObject({
    status: 'failed',
    error: { code: 'run_ended', message: 'Run "run_1" has ended.', headers: { 'X-Why': 'ended' } },
  });
  const broken = await send('break');
  expect(broken).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
  expect(JSON.stringify(broken)).not.toContain('secret');
  expect(await send('unknown')).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
  await waitFor('no rows', async () => (await sql(url, 'SELECT FROM commands')).length === 0);
});

test('a command without an answer in time is pending, and one to a dead node is dead', async () => {
  const url = await postgresUrl();
  const [first, second, third] = [await openNode(url), await openNode(url), await openNode(url)];
  let release: () => void = () => undefined;
  onTestFinished(() => release());
  second.ownership.commands.handle('wait', () => new Promise<void>((resolve) => (release = resolve)));
  const target = second.ownership.node.id;
  const command = { kind: 'wait', data: null };
  expect(await first.ownership.commands.send(target, command, { timeoutMs: 50 })).toEqual({
    status: 'pending',
  });
  const sent = first.ownership.commands.send(target, command, { timeoutMs: 60_000 });
  await waitFor('the command', async () => (await sql(url, 'SELECT FROM commands')).length === 2);
  await declareDead(url, second, third);
  expect(await sent).toEqual({ status: 'dead' });
  await second.ownership.close();
  expect(await first.ownership.commands.send(target, command)).toEqual({ status: 'dead' });
});

test('other nodes learn of a changed topic', async () => {
  const url = await postgresUrl();
  const [first, second] = [await openNode(url), await openNode(url)];
  const told: string[] = [];
  for (const topic of ['keys', 'webhooks']) second.store.feed?.onChange(topic, () => told.push(topic));
  await first.store.write([{ kind: 'touch', topic: 'keys' }]);
  await waitFor('the news', () => told.includes('keys'));
  expect(told).not.toContain('webhooks');
});

test('patches of two nodes together may not make the metadata of a session too long', async () => {
  const url = await postgresUrl();
  const nodes = [await openNode(url), await openNode(url)];
  const session = { id: 'ses_1', title: '', createdAt: 1, updatedAt: 1, details: '{"metadata":{}}' };
  await nodes[0]?.store.write([{ kind: 'putSession', session }]);
  // Each fits alone, and is checked against the metadata that the session had before.
  const patches = nodes.map(({ store }, n) =>
    store.write([
      {
        kind: 'patchSession',
        id: session.id,
        updatedAt: 2,
        details: JSON.stringify({ metadata: { [`of ${n}`]: 'x'.repeat(40_000) } }),
        limitsMetadata: true,
      },
    ]),
  );
  const refused = (await Promise.allSettled(patches)).filter(({ status }) => status === 'rejected');
  expect(refused).toMatchObject([
    { reason: { code: 'validation_failed', errors: [{ pointer: '/metadata' }] } },
  ]);
  expect((await nodes[0]?.store.getSession(session.id))?.details.length).toBeLessThan(65_536);
});
