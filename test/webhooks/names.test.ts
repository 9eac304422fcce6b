// Names, through a name server of the test's own: group N of the abuse cases. Numbers are those of WEBHOOK-FACTS.md (d).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNameLookup } from '../../src/webhooks/name-lookup.ts';
import { type DnsAnswer, startDnsServer } from './dns-server.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

/** A manager that asks `answers` for names, and may go to 10/8 and to loopback. */
async function startWithNames(names: Readonly<Record<string, DnsAnswer>>, hosts = '') {
  const answers = new Map(Object.entries(names));
  const dns = await startDnsServer(answers);
  const home = temporaryHome();
  const hostsFile = join(home, 'hosts');
  writeFileSync(hostsFile, hosts);
  return { dns, answers, hostsFile, ...startWebhooks({ home, nameServers: [dns.address], hostsFile }) };
}

async function attempt(
  webhooks: ReturnType<typeof startWebhooks>['webhooks'],
  deliveries: readonly string[],
) {
  const [id = ''] = deliveries;
  const read = async () => (await webhooks.getHistory({ limit: 200 })).find((delivery) => delivery.id === id);
  await expect
    .poll(async () => (await read())?.attemptLog.length, { timeout: 10_000 })
    .toBeGreaterThanOrEqual(1);
  return (await read())?.attemptLog.at(-1);
}

describe('a name', () => {
  it('that leads to loopback works where loopback is allowed, and shows in Host', async () => {
    const receiver = await startReceiver();
    const { webhooks } = await startWithNames({ 'hook.test': { A: ['127.0.0.1'] } });
    await webhooks.register({ url: `http://hook.test:${receiver.port}/x` });
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(receiver.requests[0]?.headers.host).toBe(`hook.test:${receiver.port}`);
  });

  it('75, 79: that leads to a forbidden address is refused at registration, through a CNAME too', async () => {
    const { webhooks } = await startWithNames({
      'private.test': { A: ['10.0.0.1'] },
      'mixed.test': { A: ['93.184.216.34', '10.0.0.1'] },
      'six.test': { A: ['93.184.216.34'], AAAA: ['::1:0:0:1'] },
      'mapped.test': { AAAA: ['::ffff:a00:1'] },
      'alias.test': { CNAME: 'metadata.test' },
      'metadata.test': { A: ['169.254.169.254'] },
    });
    for (const name of ['private.test', 'mixed.test', 'six.test', 'mapped.test', 'alias.test']) {
      await expect(webhooks.register({ url: `https://${name}/` }), name).rejects.toMatchObject({
        errors: [{ pointer: '/url' }],
      });
    }
  });

  it('75, 76: that turns forbidden after registration is refused at the connection, and tried again', async () => {
    const receiver = await startReceiver();
    const { webhooks, answers } = await startWithNames({ 'turn.test': { A: ['127.0.0.1'] } });
    const id = await webhooks.register({ url: `http://turn.test:${receiver.port}/`, retryDelay: 300 });
    answers.set('turn.test', { A: ['169.254.169.254'] });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(await attempt(webhooks, deliveries)).toMatchObject({
      outcome: 'target_refused',
      statusCode: null,
    });
    expect(receiver.requests).toHaveLength(0);
    answers.set('turn.test', { A: ['127.0.0.1'] });
    expect((await webhooks.settled(deliveries))[0]?.status).toBe('success');
    // 86: a pooled socket goes to the address that was judged; a purge ends it.
    answers.set('turn.test', { A: ['10.0.0.1'] });
    await webhooks.update(id, { timeout: 5000 });
    const next = await webhooks.emit('tool.start', toolStart());
    expect(await attempt(webhooks, next.deliveries)).toMatchObject({ outcome: 'target_refused' });
  });

  it('83: NXDOMAIN, SERVFAIL and an empty answer are failures that are tried again, never allowed', async () => {
    const { webhooks } = await startWithNames({
      'servfail.test': { rcode: 'SERVFAIL' },
      'empty.test': {},
    });
    for (const [name, outcome] of [
      ['nothing.test', 'name_not_found'],
      ['servfail.test', 'name_failed'],
      ['empty.test', 'name_not_found'],
    ] as const) {
      const id = await webhooks.register({ url: `https://${name}/`, events: ['tool.start'] });
      const { deliveries } = await webhooks.emit('tool.start', toolStart());
      expect(await attempt(webhooks, deliveries), name).toMatchObject({ outcome, counted: true });
      expect((await webhooks.getHistory())[0]?.status).toBe('pending');
      await webhooks.remove(id);
    }
  });

  it('http: to a name that cannot be looked up is refused at registration', async () => {
    const { webhooks } = await startWithNames({});
    await expect(webhooks.register({ url: 'http://nothing.test/' })).rejects.toMatchObject({
      errors: [{ pointer: '/url' }],
    });
  });

  it('81, 82: fifty dead names, whose server never answers, hold up nobody', async () => {
    const receiver = await startReceiver();
    const silent = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`dead${i}.test`, { silent: true }]),
    );
    const { webhooks } = await startWithNames({ ...silent, 'live.test': { A: ['127.0.0.1'] } });
    await Promise.all(
      Object.keys(silent).map((name) => webhooks.register({ url: `https://${name}/`, events: ['tool.*'] })),
    );
    await webhooks.register({ url: `http://live.test:${receiver.port}/`, events: ['session.*'] });
    await webhooks.emit('tool.start', toolStart());
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const startedAt = performance.now();
      await webhooks.settled((await webhooks.emit('session.start', { title: 'x' })).deliveries);
      times.push(performance.now() - startedAt);
    }
    expect(Math.max(...times), times.map(Math.round).join(' ')).toBeLessThan(500);
  }, 30_000);

  it('81: ends as name_timeout, within the time of two tries', async () => {
    const { webhooks } = await startWithNames({ 'dead.test': { silent: true } });
    await webhooks.register({ url: 'https://dead.test/' });
    const startedAt = performance.now();
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(await attempt(webhooks, deliveries)).toMatchObject({ outcome: 'name_timeout' });
    expect(performance.now() - startedAt).toBeLessThan(6000);
  }, 15_000);

  it('84: with 256 addresses, the first of them closed, still works', async () => {
    const receiver = await startReceiver();
    const many = ['127.0.0.9', ...Array.from({ length: 255 }, () => '127.0.0.1')];
    const { webhooks } = await startWithNames({ 'many.test': { A: many } });
    await webhooks.register({ url: `http://many.test:${receiver.port}/` });
    const [delivery] = await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(delivery).toMatchObject({ status: 'success', attempts: 1 });
  });

  it('85: in the hosts file is found there, whatever its case and final dot; the file is read again when it changes', async () => {
    const receiver = await startReceiver();
    const { webhooks, hostsFile, dns } = await startWithNames(
      {},
      '# comment\n127.0.0.1 one.test Two.Test # more\nnonsense here\n',
    );
    const id = await webhooks.register({ url: `http://TWO.test.:${receiver.port}/` });
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(dns.queries).toEqual([]);
    writeFileSync(hostsFile, '127.0.0.1 other.test\n');
    await webhooks.update(id, { timeout: 3000 });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(await attempt(webhooks, deliveries)).toMatchObject({ outcome: 'name_not_found' });
  });
});

describe('look-up', () => {
  it('asks once for callers at the same time, and remembers a failure for a moment', async () => {
    const ok = { A: ['1.2.3.4'], AAAA: ['2606:4700::1'] };
    const dns = await startDnsServer(new Map([['ok.test', ok]]));
    const names = createNameLookup({ servers: [dns.address], hostsFile: '/nowhere' });
    onTestFinished(() => names.close());
    const answers = await Promise.all(Array.from({ length: 20 }, () => names.resolve('OK.test.')));
    expect(new Set(answers.map((answer) => answer.join()))).toEqual(new Set(['1.2.3.4,2606:4700::1']));
    expect(dns.queries).toHaveLength(2);
    await expect(names.resolve('no.test')).rejects.toMatchObject({ reason: 'name_not_found' });
    const asked = dns.queries.length;
    await expect(names.resolve('no.test')).rejects.toMatchObject({ reason: 'name_not_found' });
    expect(dns.queries).toHaveLength(asked);
  });

  it('never asks for localhost', async () => {
    const dns = await startDnsServer(() => ({ A: ['1.2.3.4'] }));
    const names = createNameLookup({ servers: [dns.address], hostsFile: '/nowhere' });
    onTestFinished(() => names.close());
    for (const name of ['localhost', 'LOCALHOST.', 'a.localhost'])
      expect(await names.resolve(name)).toEqual(['127.0.0.1', '::1']);
    expect(dns.queries).toEqual([]);
  });

  it('uses what one family answers when the other fails', async () => {
    const dns = await startDnsServer(({ type }) =>
      type === 'A' ? { A: ['1.2.3.4'] } : { rcode: 'SERVFAIL' },
    );
    const names = createNameLookup({ servers: [dns.address], hostsFile: '/nowhere' });
    onTestFinished(() => names.close());
    expect(await names.resolve('half.test')).toEqual(['1.2.3.4']);
  });
});

describe('a short name', () => {
  async function startSearching(resolvConf: string, names: Readonly<Record<string, DnsAnswer>>) {
    const dns = await startDnsServer(new Map(Object.entries(names)));
    const file = join(temporaryHome(), 'resolv.conf');
    writeFileSync(file, resolvConf);
    const lookup = createNameLookup({ servers: [dns.address], hostsFile: '/nowhere', resolvConf: file });
    onTestFinished(() => lookup.close());
    return { dns, file, lookup };
  }
  const kubernetes = 'search ns.svc.cluster.test svc.cluster.test cluster.test\noptions ndots:5 timeout:1\n';

  it('is looked for in the search domains, as Kubernetes has them', async () => {
    const { lookup, file } = await startSearching(kubernetes, {
      'hook.ns.svc.cluster.test': { A: ['10.1.2.3'] },
      'hook.other.svc.cluster.test': { A: ['10.1.2.4'] },
      'hooks.example.test': { A: ['1.2.3.4'] },
    });
    expect(await lookup.resolve('hook')).toEqual(['10.1.2.3']);
    expect(await lookup.resolve('hook.other')).toEqual(['10.1.2.4']);
    expect(await lookup.resolve('hooks.example.test')).toEqual(['1.2.3.4']);
    await expect(lookup.resolve('hook.')).rejects.toMatchObject({ reason: 'name_not_found' });
    await expect(lookup.resolve('nothing')).rejects.toMatchObject({ reason: 'name_not_found' });
    writeFileSync(file, 'domain other.svc.cluster.test # now here\n');
    await expect.poll(async () => lookup.resolve('HOOK'), { timeout: 10_000 }).toEqual(['10.1.2.4']);
  });

  it('with as many dots as ndots is looked up as it is first, and with a dot at its end only so', async () => {
    const { lookup, dns } = await startSearching('search corp.test\n', {
      'a.b.corp.test': { A: ['10.0.0.1'] },
      'c.d': { A: ['10.0.0.2'] },
      'c.d.corp.test': { A: ['10.0.0.3'] },
    });
    expect(await lookup.resolve('c.d')).toEqual(['10.0.0.2']);
    expect(await lookup.resolve('a.b')).toEqual(['10.0.0.1']);
    const before = dns.queries.length;
    await expect(lookup.resolve('a.b.')).rejects.toMatchObject({ reason: 'name_not_found' });
    expect(dns.queries.slice(before).every((query) => !JSON.stringify(query).includes('corp'))).toBe(true);
  });

  it('is looked for in the next domain when the name server fails for one, as the C library does', async () => {
    const { lookup } = await startSearching('search one.test two.test\n', {
      'x.one.test': { rcode: 'SERVFAIL' },
      'x.two.test': { A: ['10.0.0.1'] },
    });
    expect(await lookup.resolve('x')).toEqual(['10.0.0.1']);
  });

  it('is unreachable, and no failure of its receiver, where no name server can be reached', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    const names = createNameLookup({ servers: [`127.0.0.1:${receiver.port}`], hostsFile: '/nowhere' });
    onTestFinished(() => names.close());
    await expect(names.resolve('any.test')).rejects.toMatchObject({ reason: 'network_unreachable' });
  });
});
