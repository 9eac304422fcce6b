// examples/webhook-receiver.ts as a process: which requests it accepts and refuses, and that it does its work after the
// answer.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { WebhookManager } from '../../src/api/webhooks.ts';
import { waitFor } from '../wait-for.ts';

const program = fileURLToPath(new URL('../../examples/webhook-receiver.ts', import.meta.url));
const secret = 'a secret of mine';

interface Receiver {
  readonly url: string;
  readonly output: { readonly stdout: string; readonly stderr: string };
  stop(): Promise<number | null>;
}

async function startReceiver(): Promise<Receiver> {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, PORT: '0', WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = once(child, 'exit');
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const url = await waitFor(
    'the port',
    () => /listening on (\S+)/.exec(output.stdout)?.[1],
    () => output,
  );
  return {
    url,
    output,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

interface Sent {
  readonly id: string;
  readonly body?: string;
  readonly key?: string;
  readonly method?: string;
}

async function send(
  { url }: Receiver,
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

function worked({ output }: Receiver, id: string): number {
  return output.stdout.split('\n').filter((line) => line === `7 webhook.test ${id}`).length;
}

test('the receiver handles each event once, after its answer', async () => {
  const receiver = await startReceiver();
  expect(await send(receiver, { id: 'evt_1' })).toBe(204);
  expect(await send(receiver, { id: 'evt_1' })).toBe(204);
  expect(await send(receiver, { id: 'evt_2' })).toBe(204);
  await expect.poll(() => worked(receiver, 'evt_2')).toBe(1);
  expect(worked(receiver, 'evt_1')).toBe(1);
  expect(await receiver.stop()).toBe(0);
});

test('the receiver refuses unsigned, non-POST and too large requests, and keeps working', async () => {
  const receiver = await startReceiver();
  expect(await send(receiver, { id: 'evt_1', key: 'another secret' })).toBe(401);
  expect((await fetch(receiver.url, { method: 'POST', body: '{}' })).status).toBe(401);
  expect(await send(receiver, { id: 'evt_1', method: 'GET' })).toBe(405);
  // It closes the connection with the body half read: the sender sees 413 or the close.
  const large = await send(receiver, { id: 'evt_1', body: 'x'.repeat(2_000_000) }).catch(() => 413);
  expect(large).toBe(413);
  expect(await send(receiver, { id: 'evt_1' })).toBe(204);
  await expect.poll(() => worked(receiver, 'evt_1')).toBe(1);
});

test('the receiver handles a failed event again when it is sent again', async () => {
  const receiver = await startReceiver();
  expect(await send(receiver, { id: 'evt_1', body: 'not JSON' })).toBe(204);
  await expect.poll(() => receiver.output.stderr).toContain('evt_1 failed');
  expect(await send(receiver, { id: 'evt_1' })).toBe(204);
  await expect.poll(() => worked(receiver, 'evt_1')).toBe(1);
});

test('the receiver accepts deliveries of this server, and finishes them before it stops', async () => {
  const receiver = await startReceiver();
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-example-'));
  const webhooks = new WebhookManager({ home, allowLoopback: true });
  onTestFinished(async () => {
    await webhooks.close();
    rmSync(home, { recursive: true, force: true });
  });
  await webhooks.register({ url: receiver.url, events: ['tool.*'], secret });
  const ids: string[] = [];
  const deliveries: string[] = [];
  for (let n = 0; n < 20; n++) {
    const emitted = await webhooks.emit('tool.start', { callId: `call_${n}`, tool: 'bash', params: {} });
    ids.push(emitted.event.id);
    deliveries.push(...emitted.deliveries);
  }
  const settled = await webhooks.settled(deliveries);
  expect(settled.map(({ status }) => status)).toEqual(ids.map(() => 'success'));
  expect(await receiver.stop()).toBe(0);
  const seen = receiver.output.stdout.match(/evt_\w+/g) ?? [];
  expect(seen.toSorted()).toEqual(ids.toSorted());
});

test('the receiver does not start without a secret', async () => {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, WEBHOOK_SECRET: '' },
    stdio: 'ignore',
  });
  expect(await once(child, 'exit')).toEqual([2, null]);
});
