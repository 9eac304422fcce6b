// A node as a process: it emits repeatedly, no faster than a busy machine sends in order, and reports acknowledged
// events until it is killed.

import { createEventLog } from '../../../src/events/log.ts';
import { openSharedStore } from '../../../src/store/postgres/open-shared-store.ts';
import { openWebhookEngine } from '../../../src/webhooks/engine.ts';

const [url = '', round = '0'] = process.argv.slice(2);
const { store, ownership } = await openSharedStore({ url: `${url}?max=4` });
const log = createEventLog({ store, deltas: ownership.deltas });
const engine = await openWebhookEngine({ store, log, ownership });
process.send?.({ ready: ownership.node.id });
for (let i = 0; ; i++) {
  const params = { round, i, text: 'x'.repeat(i % 500) };
  const batch = await Promise.allSettled(
    Array.from({ length: 1 + (i % 3) }, () =>
      engine.emit({ type: 'tool.start', data: { callId: `call_${i}`, tool: 'bash', params } }),
    ),
  );
  // Refused while the node was declared dead.
  const emitted = batch.flatMap((result) => (result.status === 'fulfilled' ? [result.value.event.id] : []));
  process.send?.({ acknowledged: emitted });
  await new Promise((resolve) => setTimeout(resolve, 100));
}
