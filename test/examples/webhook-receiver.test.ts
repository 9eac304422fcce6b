// The receivers of examples/ as processes: which requests they accept and refuse, and that they do their work after the
// answer.

import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isInstalled, runProgram } from '../run-program.ts';
import { startWebhooks, toolStart } from '../webhooks/start-webhooks.ts';
import { type Example, example, startExample } from './start-example.ts';

const hasPython = isInstalled('python3');
if (!hasPython) console.log('python3 is not installed: examples/webhook_receiver.py was not run');
const receivers = [
  { language: 'Node.js', command: [process.execPath, example('webhook-receiver.ts')], isHere: true },
  { language: 'Python', command: ['python3', example('webhook_receiver.py')], isHere: hasPython },
] as const;
const secret = 'a secret of mine';

interface Sent {
  readonly id: string;
  readonly body?: string;
  readonly key?: string;
  readonly method?: string;
}

async function send(
  { url }: Example,
  { id, key = secret, method = 'POST', body = bodyOf(id) }: Sent,
): Promise<number> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
  const answer = await fetch(url, { method, headers, ...(method === 'GET' ? {} : { body }) });
  await answer.arrayBuffer();
  return answer.status;
}

function bodyOf(id: string): string {
  return JSON.stringify({ id, type: 'webhook.test', sequence: 7, data: {} });
}

function worked({ output }: Example, id: string): number {
  return output.stdout.split('\n').filter((line) => line === `7 webhook.test ${id}`).length;
}

describe.each(receivers)('the receiver in $language', ({ command, isHere }) => {
  test.skipIf(!isHere)('handles each event once, after its answer', async () => {
    const receiver = await startExample(command, { WEBHOOK_SECRET: secret });
    expect(await send(receiver, { id: 'evt_1' })).toBe(204);
    expect(await send(receiver, { id: 'evt_1' })).toBe(204);
    expect(await send(receiver, { id: 'evt_2' })).toBe(204);
    await expect.poll(() => worked(receiver, 'evt_2')).toBe(1);
    expect(worked(receiver, 'evt_1')).toBe(1);
    expect(await receiver.stop()).toBe(0);
  });

  test.skipIf(!isHere)('refuses unsigned, non-POST and too large requests, and keeps working', async () => {
    const receiver = await startExample(command, { WEBHOOK_SECRET: secret });
    expect(await send(receiver, { id: 'evt_1', key: 'another secret' })).toBe(401);
    expect((await fetch(receiver.url, { method: 'POST', body: '{}' })).status).toBe(401);
    expect(await send(receiver, { id: 'evt_1', method: 'GET' })).toBe(405);
    // It closes the connection with the body half read: the sender sees 413 or the close.
    const large = await send(receiver, { id: 'evt_1', body: 'x'.repeat(2_000_000) }).catch(() => 413);
    expect(large).toBe(413);
    expect(await send(receiver, { id: 'evt_1' })).toBe(204);
    await expect.poll(() => worked(receiver, 'evt_1')).toBe(1);
  });

  test.skipIf(!isHere)('handles a failed event again when it is sent again', async () => {
    const receiver = await startExample(command, { WEBHOOK_SECRET: secret });
    expect(await send(receiver, { id: 'evt_1', body: 'not JSON' })).toBe(204);
    await expect.poll(() => receiver.output.stderr).toContain('evt_1 failed');
    expect(await send(receiver, { id: 'evt_1' })).toBe(204);
    await expect.poll(() => worked(receiver, 'evt_1')).toBe(1);
  });

  test.skipIf(!isHere)('accepts deliveries of this server, and finishes them before it stops', async () => {
    const receiver = await startExample(command, { WEBHOOK_SECRET: secret });
    const { webhooks } = startWebhooks({ allowLoopback: true });
    await webhooks.register({ url: receiver.url, events: ['tool.*'], secret });
    const ids: string[] = [];
    const deliveries: string[] = [];
    for (let n = 0; n < 20; n++) {
      const emitted = await webhooks.emit('tool.start', toolStart(n));
      ids.push(emitted.event.id);
      deliveries.push(...emitted.deliveries);
    }
    const settled = await webhooks.settled(deliveries);
    expect(settled.map(({ status }) => status)).toEqual(ids.map(() => 'success'));
    expect(await receiver.stop()).toBe(0);
    const seen = receiver.output.stdout.match(/evt_\w+/g) ?? [];
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  test.skipIf(!isHere)('does not start without a secret', async () => {
    const { code } = await runProgram(command, { env: { ...process.env, WEBHOOK_SECRET: '' } });
    expect(code).toBe(2);
  });
});
