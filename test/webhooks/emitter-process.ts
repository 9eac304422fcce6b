// A process that registers two webhooks, then emits without pause and reports acknowledged events until it is killed.

import { WebhookManager } from '../../src/api/webhooks.ts';

const [home = '', url = '', round = '0'] = process.argv.slice(2);
const webhooks = new WebhookManager({ home });
if ((await webhooks.getAll()).length === 0) {
  await webhooks.register({ url: `${url}/plain`, secret: 'a plain secret', retryDelay: 100 });
  await webhooks.register({ url: `${url}/ordered`, ordered: true, retryDelay: 100 });
}
for (let i = 0; ; i++) {
  const params = { round, i, text: 'x'.repeat(i % 500) };
  const batch = await Promise.all(
    Array.from({ length: 1 + (i % 4) }, () =>
      webhooks.emit('tool.start', { callId: `call_${i}`, tool: 'bash', params }),
    ),
  );
  process.send?.({ acknowledged: batch.map(({ event }) => event.id) });
  if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
}
