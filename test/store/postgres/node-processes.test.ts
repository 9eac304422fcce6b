// Nodes as real processes that are killed and stopped. The times of a take-over are promises of the protocol, which the
// model checks; here the limits are those of the test.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { NodeTiming } from '../../../src/store/postgres/nodes/timing.ts';
import type { Store } from '../../../src/store/store.ts';
import { startPostgresServer } from '../../postgres/postgres-server.ts';
import { postgresUrl } from '../../postgres/postgres-url.ts';
import { waitFor } from '../../wait-for.ts';
import { looks, openNode } from './shared-stores.ts';

const script = fileURLToPath(new URL('./node-process.ts', import.meta.url));

interface Line {
  readonly what: string;
  readonly epoch: number;
  readonly leaseLeftMs: number;
  readonly id?: string;
  readonly webhookId?: string;
  readonly runIds?: readonly string[];
}

interface NodeProcess {
  readonly id: string;
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  /** Wait for a line after the first `skip`. */
  said(what: string, skip?: number): Promise<Line>;
}

async function startNodeProcess(
  url: string,
  timing: Partial<NodeTiming> = {},
  ...runIds: string[]
): Promise<NodeProcess> {
  const child = spawn(process.execPath, [script, `${url}?max=3`, JSON.stringify(timing), ...runIds]);
  const gone = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  let errors = '';
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  const lines: Line[] = [];
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    const parts = (text + piece).split('\n');
    text = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Line);
  });
  const said = (what: string, skip = 0): Promise<Line> =>
    waitFor(
      `"${what}"`,
      () => lines.slice(skip).find((line) => line.what === what),
      () => ({ lines: lines.slice(-20), errors }),
    );
  const { id = '' } = await said('open');
  return { id, child, lines, said };
}

interface Work {
  readonly sequence: number;
  readonly node: string;
  readonly epoch: number;
}

/** All work that the log has, in order. */
async function workOf(store: Store): Promise<readonly Work[]> {
  const all: Work[] = [];
  for (let after = 0; ; ) {
    const rows = await store.readEvents({ after, limit: 200 });
    for (const { sequence, data } of rows) {
      const { message } = JSON.parse(data) as { message: string };
      all.push({ ...(JSON.parse(message) as Work), sequence });
      after = sequence;
    }
    if (rows.length === 0) return all;
  }
}

test('after kill -9 the webhooks and runs of a node go to the other one, long before the lease ends', async () => {
  const url = await postgresUrl();
  // Only the free lock tells that the node is dead.
  const timing = { leaseMs: 3_600_000, graceMs: 0 };
  const { store, ownership } = await openNode(url, { node: { timing } });
  const first = await startNodeProcess(url, timing, 'run_1', 'run_2');
  await ownership.lanes.add(['whk_1', 'whk_2']);
  await waitFor('both lanes', () => first.lines.filter(({ what }) => what === 'gained').length === 2);
  const second = await startNodeProcess(url, timing);
  await second.said('gained');
  const before = second.lines.length;
  await waitFor(
    'work of both',
    async () => new Set((await workOf(store)).map(({ node }) => node)).size === 2,
  );
  first.child.kill('SIGKILL');
  const { webhookId } = await second.said('gained', before);
  expect(['whk_1', 'whk_2']).toContain(webhookId);
  expect(await ownership.lanes.ownerOf('whk_1')).toBe(second.id);
  expect(await ownership.lanes.ownerOf('whk_2')).toBe(second.id);
  // This node or the second one interrupts the runs; this one has no listener.
  ownership.runs.onInherited((runIds) =>
    store.write(runIds.flatMap((id) => ownership.runs.release(id))).then(),
  );
  await waitFor('the end of the runs', async () => {
    const owners = await Promise.all(['run_1', 'run_2'].map((id) => ownership.runs.ownerOf(id)));
    return owners.every((owner) => owner === undefined);
  });
});

test('a process that was stopped beyond its lease writes nothing more, and joins again', async () => {
  const url = await postgresUrl();
  const { store, ownership } = await openNode(url);
  const first = await startNodeProcess(url);
  await ownership.lanes.add(['whk_1']);
  await first.said('gained');
  const second = await startNodeProcess(url);
  await waitFor('work of the first node', async () => (await workOf(store)).length > 20);
  first.child.kill('SIGSTOP');
  const { id: firstId } = first;
  const { leaseUntil } = (await ownership.node.list()).find(({ id }) => id === firstId) ?? {};
  await second.said('gained');
  // Not before the lease has ended. The wall clock may have been adjusted a little.
  expect(Date.now()).toBeGreaterThan(Number(leaseUntil) - 100);
  const before = first.lines.length;
  await waitFor('work of the second node', async () =>
    (await workOf(store)).some(({ node }) => node === second.id),
  );
  first.child.kill('SIGCONT');
  await first.said('lost', before);
  const { epoch } = await first.said('joined', before);
  expect(epoch).toBe(3);
  expect(first.lines.slice(before).map(({ what }) => what)).toContain('lane lost');
  const all = await workOf(store);
  const takenOver = all.findIndex(({ node }) => node === second.id);
  expect(takenOver).toBeGreaterThan(0);
  expect(all.slice(takenOver).filter(({ node }) => node === firstId)).toEqual([]);
  expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1));
});

test('a node that is killed right after a start of the database is taken over from like any other', async () => {
  const server = await startPostgresServer();
  onTestFinished(() => server.remove());
  // The grace period is longer than this test, and delays of a slow machine do not restart it.
  const timing = { graceMs: 3_600_000, gapMs: 3_600_000 };
  const url = server.url('postgres');
  const gone = await startNodeProcess(url, timing);
  const { ownership } = await openNode(url, { node: { timing } });
  await looks(ownership, 1);
  expect(await ownership.node.list()).toHaveLength(2);
  gone.child.kill('SIGKILL');
  await waitFor('the take-over', async () =>
    (await ownership.node.list()).some(({ id, status }) => id === gone.id && status === 'dead'),
  );
});
