// The contract of Ownership, for a node that is alone: on SQLite, and on PostgreSQL.

import { describe, expect, onTestFinished, test } from 'vitest';
import { CodeBuddyError } from '../../src/base/errors.ts';
import type { Ownership } from '../../src/store/ownership.ts';
import { createSqliteOwnership } from '../../src/store/sqlite/sqlite-ownership.ts';
import type { Store } from '../../src/store/store.ts';
import { postgresUrl } from '../postgres/postgres-url.ts';
import { waitFor } from '../wait-for.ts';
import { LaneList, openNode } from './postgres/shared-stores.ts';
import { openStore, temporaryPath } from './temporary-store.ts';

interface Opened {
  readonly store: Store;
  readonly ownership: Ownership;
}

const kinds: readonly { readonly name: string; open(): Promise<Opened> }[] = [
  {
    name: 'SQLite',
    async open() {
      const ownership = createSqliteOwnership({ url: () => 'http://127.0.0.1:1' });
      onTestFinished(() => ownership.close());
      return { store: await openStore(temporaryPath()), ownership };
    },
  },
  {
    name: 'PostgreSQL',
    open: async () => openNode(await postgresUrl(), { node: { url: () => 'http://127.0.0.1:1' } }),
  },
];

describe.each(kinds)('on $name', ({ open }) => {
  test('a node has a lease and is in the list', async () => {
    const { ownership } = await open();
    const { node } = ownership;
    expect(node.id).toMatch(/^nod_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(node.epoch).toBe(1);
    await waitFor('the lease', () => node.leaseLeftMs() > 0);
    expect(await node.list()).toMatchObject([
      { id: node.id, url: 'http://127.0.0.1:1', status: 'alive', self: true, owns: { lanes: 0, runs: 0 } },
    ]);
  });

  test('a node that is alone owns every webhook', async () => {
    const { ownership } = await open();
    const worker = new LaneList();
    ownership.lanes.serve(worker);
    await ownership.lanes.add(['whk_1', 'whk_2']);
    await ownership.lanes.add(['whk_2', 'whk_3'], { pinned: true });
    const ids = ['whk_1', 'whk_2', 'whk_3'];
    await waitFor('all lanes', () => ids.every((id) => ownership.lanes.isOwn(id)));
    for (const id of ids) expect(await ownership.lanes.ownerOf(id)).toBe(ownership.node.id);
    await ownership.lanes.remove(['whk_1']);
    await ownership.close();
  });

  test('a run belongs to the node that claimed it', async () => {
    const { store, ownership } = await open();
    const session = { id: 'ses_1', title: '', createdAt: 1, updatedAt: 1, details: '{}' };
    const run = {
      id: 'run_1',
      sessionId: 'ses_1',
      status: 'queued',
      createdAt: 1,
      updatedAt: 1,
      details: '{}',
    };
    await store.write([
      { kind: 'putSession', session },
      { kind: 'putRun', run },
      ...ownership.runs.claim('run_1'),
    ]);
    expect(await ownership.runs.ownerOf('run_1')).toBe(ownership.node.id);
    await store.write([
      { kind: 'patchRun', id: 'run_1', status: 'completed', updatedAt: 2, details: '{}' },
      ...ownership.runs.release('run_1'),
    ]);
    expect(await store.getRun('run_1')).toMatchObject({ status: 'completed' });
  });

  test('a claim is held until it is released', async () => {
    const { ownership } = await open();
    const { claims, node } = ownership;
    expect(await claims.holderOf('task:a')).toBeUndefined();
    expect(await claims.claim('task:a')).toBe(true);
    expect(await claims.claim('task:a')).toBe(true);
    expect(await claims.holderOf('task:a')).toBe(node.id);
    await claims.release('task:a');
    expect(await claims.holderOf('task:a')).toBeUndefined();
  });

  test('a node answers its own commands', async () => {
    const { ownership } = await open();
    const { commands, node } = ownership;
    const stop = commands.handle('double', async (data) => Number(data) * 2);
    expect(await commands.send(node.id, { kind: 'double', data: 21 })).toEqual({
      status: 'done',
      answer: 42,
    });
    stop();
    commands.handle('double', async () => {
      throw new CodeBuddyError('run_ended', 'It has ended.');
    });
    expect(await commands.send(node.id, { kind: 'double', data: 21 })).toMatchObject({
      status: 'failed',
      error: { code: 'run_ended', message: 'It has ended.' },
    });
    expect(await commands.send('nod_unknown', { kind: 'double', data: 1 })).toEqual({ status: 'dead' });
  });

  test('a counter begins with its initial value, and each amount counts once', async () => {
    const { ownership } = await open();
    const { counters } = ownership;
    const initial = (): Promise<number> => Promise.resolve(10);
    const sums = await Promise.all([1, 2, 3].map((n) => counters.add('cost:a', n, initial)));
    expect(Math.max(...sums)).toBe(16);
    expect(new Set(sums).size).toBe(3);
    expect(await counters.add('cost:a', 0, initial)).toBe(16);
    expect(await counters.add('cost:b', 0.5, () => Promise.resolve(0))).toBe(0.5);
    await expect(counters.add('cost:c', 1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  test('closing twice does nothing the second time', async () => {
    const { ownership } = await open();
    await ownership.close();
    await ownership.close();
  });
});
