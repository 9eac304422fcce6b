// A node as a process of its own. It owns webhooks, and appends an event for each step of its work at one of them without
// pause, whatever its lease says: the store must refuse what a dead node writes. It prints a line of JSON for all that
// happens.

import { createEventLog } from '../../../src/events/log.ts';
import type { NodeTiming } from '../../../src/store/postgres/nodes/timing.ts';
import { openSharedStore } from '../../../src/store/postgres/open-shared-store.ts';

const [url, timing = '{}', ...runIds] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: node-process.ts URL TIMING [RUN]...');
const { store, ownership } = await openSharedStore({
  url,
  node: { timing: JSON.parse(timing) as Partial<NodeTiming> },
});
const log = createEventLog({ store, deltas: ownership.deltas });
const { node, lanes, runs } = ownership;

function say(what: string, more: object = {}): void {
  process.stdout.write(
    `${JSON.stringify({ what, epoch: node.epoch, leaseLeftMs: node.leaseLeftMs(), ...more })}\n`,
  );
}

const working = new Map<string, Promise<void>>();
const stopped = new Set<string>();

async function work(webhookId: string): Promise<void> {
  for (let n = 0; !stopped.has(webhookId); n++) {
    const message = JSON.stringify({ node: node.id, epoch: node.epoch, webhookId, n });
    try {
      await log.append([{ type: 'error', data: { code: 'work', message } }]);
    } catch (error) {
      say('refused', { message: (error as Error).message });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

node.onLost(() => say('lost'));
node.onJoined(() => say('joined'));
runs.onInherited(async (runIds) => {
  await store.write(runIds.flatMap((id) => runs.release(id)));
  say('inherited', { runIds });
});
if (runIds.length > 0) await store.write(runIds.flatMap((id) => runs.claim(id)));
lanes.serve({
  gained(webhookId) {
    stopped.delete(webhookId);
    working.set(webhookId, work(webhookId));
    say('gained', { webhookId });
  },
  async handOver(webhookId) {
    stopped.add(webhookId);
    await working.get(webhookId);
    say('handed over', { webhookId });
  },
  lost(webhookId) {
    stopped.add(webhookId);
    say('lane lost', { webhookId });
  },
});
say('open', { id: node.id });
