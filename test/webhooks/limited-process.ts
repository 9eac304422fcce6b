// A process that may open few files: emits to many webhooks at once. Prints its warnings as they come, and how each
// delivery ended. Started by own-fault.test.ts.

import { WebhookManager } from '../../src/api/webhooks.ts';

const [home = '', url = '', count = '0'] = process.argv.slice(2);
const webhooks = new WebhookManager({ home, warn: (message, error) => console.error(message, error) });
for (let i = 0; i < Number(count); i++)
  await webhooks.register({ url: `${url}/${i}`, timeout: 60_000, retryDelay: 60_000 });
const { deliveries } = await webhooks.emit('tool.start', { callId: 'call_1', tool: 'bash', params: {} });
const ended = await webhooks.settled(deliveries);
console.log(JSON.stringify(ended.map(({ status, attempts }) => ({ status, attempts }))));
await webhooks.close();
