// Targets without a route: deliveries to them wait without spending attempts, and those to other targets continue.

import { expect, it } from 'vitest';
import { stoppedClock } from './movable-clock.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

/** No machine has a TCP route to multicast. */
const nowhere = 'http://224.0.0.1/hook';

it('a target without a route does not delay deliveries to others', async () => {
  const receiver = await startReceiver();
  const { webhooks, warnings } = startWebhooks({ allowedTargets: ['224.0.0.1'] });
  const far = await webhooks.register({ url: nowhere, events: ['tool.*'], retryDelay: 100 });
  await webhooks.register({ url: receiver.url, events: ['session.*'] });
  const [waiting = ''] = (await webhooks.emit('tool.start', toolStart())).deliveries;
  await expect.poll(async () => (await webhooks.get(far))?.state.status).toBe('unreachable');
  for (let i = 0; i < 10; i++)
    await webhooks.settled((await webhooks.emit('session.start', { title: 'x' })).deliveries);
  const state = (await webhooks.get(far))?.state;
  expect(state?.detail).toContain('has not been able to reach the target');
  const [delivery] = await webhooks.getHistory({ webhookId: far });
  // The history has the first try. It spent no attempt.
  expect(delivery).toMatchObject({
    id: waiting,
    status: 'pending',
    attempts: 0,
    attemptLog: [{ outcome: 'network_unreachable', counted: false }],
  });
  expect(warnings.filter((text) => text.includes(far))).toHaveLength(1);
  // This warning comes when all deliveries stop for a while.
  expect(warnings.join('\n')).not.toContain('webhooks cannot be sent now');
  // The target is tried again, and the delivery succeeds with its first attempt once there is a route.
  await expect
    .poll(async () => (await webhooks.stats()).latency.network_unreachable?.count)
    .toBeGreaterThanOrEqual(2);
  expect((await webhooks.getHistory({ webhookId: far }))[0]).toMatchObject({
    attempts: 0,
    attemptLog: { length: 1 },
  });
  await webhooks.update(far, { url: receiver.url });
  expect((await webhooks.settled([waiting]))[0]).toMatchObject({ status: 'success', attempts: 1 });
});

it('an unreachable target is tried after 1 s, doubling to 60 s, without spending attempts', async () => {
  const time = stoppedClock();
  const { webhooks } = startWebhooks({
    allowedTargets: ['224.0.0.1'],
    clock: time.clock,
    random: () => 0.5,
  });
  const id = await webhooks.register({ url: nowhere });
  const [waiting = ''] = (await webhooks.emit('tool.start', toolStart())).deliveries;
  const waits: number[] = [];
  let last: string | null | undefined = null;
  for (let i = 0; i < 9; i++) {
    const next = async () => (await webhooks.get(id))?.state.nextProbeAt;
    await expect.poll(async () => ![null, undefined, last].includes(await next())).toBe(true);
    last = await next();
    const wait = Date.parse(last ?? '') - time.clock.wall();
    waits.push(wait / 1000);
    time.pass(wait);
    await webhooks.emit('tool.start', toolStart(i));
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  expect((await webhooks.getHistory({ limit: 50 })).find(({ id }) => id === waiting)).toMatchObject({
    attempts: 0,
    status: 'pending',
  });
  expect((await webhooks.get(id))?.state.failures).toBe(0);
});

it('a name with one refusing address and one without a route counts as refused', async () => {
  const receiver = await startReceiver();
  await receiver.close();
  const { webhooks, home } = startWebhooks({ allowedTargets: ['224.0.0.1'] });
  await webhooks.close();
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${home}/hosts`, '127.0.0.1 both.test\n224.0.0.1 both.test\n');
  const next = startWebhooks({ home, hostsFile: `${home}/hosts`, allowedTargets: ['224.0.0.1'] });
  await next.webhooks.register({ url: `http://both.test:${receiver.port}/` });
  await next.webhooks.emit('tool.start', toolStart());
  await expect
    .poll(async () => (await next.webhooks.getHistory())[0]?.attemptLog[0]?.outcome)
    .toBe('connection_refused');
});
