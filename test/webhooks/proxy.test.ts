// Deliveries through the HTTP proxy of the settings. Proxies of the environment are ignored, and targets are checked as
// without a proxy.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startConnectProxy } from '../connect-proxy.ts';
import { type DnsAnswer, startDnsServer } from './dns-server.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

async function startWithProxy(proxy: string, names: Readonly<Record<string, DnsAnswer>> = {}) {
  const answers = new Map(Object.entries(names));
  const dns = await startDnsServer(answers);
  const home = temporaryHome();
  const hostsFile = join(home, 'hosts');
  writeFileSync(hostsFile, '');
  const allowedTargets = ['hook.test'];
  return {
    answers,
    ...startWebhooks({ home, proxy, allowedTargets, nameServers: [dns.address], hostsFile }),
  };
}

async function firstAttempt(webhooks: ReturnType<typeof startWebhooks>['webhooks'], id = '') {
  const read = async () => (await webhooks.getHistory({ limit: 200 })).find((one) => one.id === id);
  await expect.poll(async () => (await read())?.attemptLog.length).toBeGreaterThan(0);
  return (await read())?.attemptLog[0];
}

test('a delivery goes through the proxy to the checked address, with the name in Host', async () => {
  const receiver = await startReceiver();
  const proxy = await startConnectProxy({ '93.184.216.34:80': receiver.url });
  const { webhooks } = await startWithProxy(proxy.url.replace('//', '//ada:s%40crit@'), {
    'hook.test': { A: ['93.184.216.34'] },
  });
  await webhooks.register({ url: 'http://hook.test/x' });
  const sent = await webhooks.emit('tool.start', toolStart());
  await webhooks.settled(sent.deliveries);
  const [request] = await receiver.received(1);
  expect(request?.headers.host).toBe('hook.test');
  expect(request?.headers['proxy-authorization']).toBeUndefined();
  expect(proxy.targets).toEqual(['93.184.216.34:80']);
  expect(proxy.headers[0]?.['proxy-authorization']).toBe(
    `Basic ${Buffer.from('ada:s@crit').toString('base64')}`,
  );
});

test('a name that changes to a metadata address is refused without asking the proxy', async () => {
  const proxy = await startConnectProxy({});
  const { webhooks, answers } = await startWithProxy(proxy.url, { 'hook.test': { A: ['93.184.216.34'] } });
  await webhooks.register({ url: 'http://hook.test/x' });
  answers.set('hook.test', { A: ['169.254.169.254'] });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  expect(await firstAttempt(webhooks, deliveries[0])).toMatchObject({ outcome: 'target_refused' });
  expect(proxy.targets).toEqual([]);
});

test('loopback is reached without the proxy', async () => {
  const receiver = await startReceiver();
  const proxy = await startConnectProxy({});
  const { webhooks } = await startWithProxy(proxy.url);
  await webhooks.register({ url: receiver.url });
  await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  await receiver.received(1);
  expect(proxy.targets).toEqual([]);
});

test('a proxy that refuses or cannot be reached is named in the attempt', async () => {
  const proxy = await startConnectProxy({});
  for (const [url, words] of [
    [proxy.url, 'The proxy answered 502'],
    ['http://127.0.0.1:1', 'The proxy cannot be reached: connect ECONNREFUSED 127.0.0.1:1'],
  ] as const) {
    const { webhooks } = await startWithProxy(url, { 'hook.test': { A: ['93.184.216.34'] } });
    await webhooks.register({ url: 'http://hook.test/x' });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(await firstAttempt(webhooks, deliveries[0])).toMatchObject({
      outcome: 'proxy_failed',
      message: words,
    });
  }
});

test('proxies of the environment are not used', async () => {
  const receiver = await startReceiver();
  const proxy = await startConnectProxy({});
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) vi.stubEnv(name, proxy.url);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const { webhooks } = startWebhooks();
  await webhooks.register({ url: receiver.url });
  await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  await receiver.received(1);
  expect(proxy.targets).toEqual([]);
});
