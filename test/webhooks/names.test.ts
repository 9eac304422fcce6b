// Names of receivers: name servers that answer wrongly or never, forbidden addresses, the hosts file, short names.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createNameLookup } from '../../src/webhooks/name-lookup.ts';
import { WAIT_LIMIT_MS } from '../wait-for.ts';
import { type DnsAnswer, startDnsServer } from './dns-server.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome, toolStart } from './start-webhooks.ts';

/** A manager that asks a name server with these names. */
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
  await expect.poll(async () => (await read())?.attemptLog.length).toBeGreaterThanOrEqual(1);
  return (await read())?.attemptLog.at(-1);
}

describe('a name', () => {
  it('of a loopback address works if loopback is allowed, and is sent as Host', async () => {
    const receiver = await startReceiver();
    const { webhooks } = await startWithNames({ 'hook.test': { A: ['127.0.0.1'] } });
    await webhooks.register({ url: `http://hook.test:${receiver.port}/x` });
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(receiver.requests[0]?.headers.host).toBe(`hook.test:${receiver.port}`);
  });

  it('of a forbidden address is refused at creation, also through a CNAME', async () => {
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

  it('whose address becomes forbidden is refused at the connection, and tried again', async () => {
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
    // A kept connection goes to the address that was checked. An update closes it.
    answers.set('turn.test', { A: ['10.0.0.1'] });
    await webhooks.update(id, { timeout: 5000 });
    const next = await webhooks.emit('tool.start', toolStart());
    expect(await attempt(webhooks, next.deliveries)).toMatchObject({ outcome: 'target_refused' });
  });

  it('with NXDOMAIN, SERVFAIL or an empty answer is a failure that is tried again', async () => {
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

  it('that cannot be looked up is refused at creation for http:', async () => {
    const { webhooks } = await startWithNames({});
    await expect(webhooks.register({ url: 'http://nothing.test/' })).rejects.toMatchObject({
      errors: [{ pointer: '/url' }],
    });
  });

  it('whose server never answers times out, and does not delay deliveries to others', async () => {
    const receiver = await startReceiver();
    const dead = Array.from({ length: 50 }, (_, i) => `dead${i}.test`);
    const { webhooks, answers } = await startWithNames({
      ...Object.fromEntries(dead.map((name) => [name, { A: ['93.184.216.34'] }])),
      'live.test': { A: ['127.0.0.1'] },
    });
    await Promise.all(dead.map((name) => webhooks.register({ url: `https://${name}/`, events: ['tool.*'] })));
    await webhooks.register({ url: `http://live.test:${receiver.port}/`, events: ['session.*'] });
    for (const name of dead) answers.set(name, { silent: true });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    for (let i = 0; i < 50; i++) {
      const live = await webhooks.emit('session.start', { title: 'x' });
      expect((await webhooks.settled(live.deliveries))[0]).toMatchObject({ status: 'success', attempts: 1 });
    }
    expect(await attempt(webhooks, deliveries)).toMatchObject({ outcome: 'name_timeout' });
  });

  it('with 256 addresses of which the first refuses works', async () => {
    const receiver = await startReceiver();
    const many = ['127.0.0.9', ...Array.from({ length: 255 }, () => '127.0.0.1')];
    const { webhooks } = await startWithNames({ 'many.test': { A: many } });
    await webhooks.register({ url: `http://many.test:${receiver.port}/` });
    const [delivery] = await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(delivery).toMatchObject({ status: 'success', attempts: 1 });
  });

  it('in the hosts file is found in any case and with a final dot; the file is read again when it changes', async () => {
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
  it('of a name does not wait for names whose server never answers', async () => {
    const dns = await startDnsServer(({ name }) =>
      name === 'live.test' ? { A: ['1.2.3.4'] } : { silent: true },
    );
    const names = createNameLookup({
      servers: [dns.address],
      hostsFile: '/nowhere',
      timeoutMs: 10 * WAIT_LIMIT_MS,
    });
    const dead = Array.from({ length: 50 }, (_, i) => names.resolve(`dead${i}.test`));
    expect(await names.resolve('live.test')).toEqual(['1.2.3.4']);
    names.close();
    for (const result of await Promise.allSettled(dead)) expect(result.status).toBe('rejected');
  });

  it('fails with name_timeout after two tries at a silent server', async () => {
    const dns = await startDnsServer(() => ({ silent: true }));
    const names = createNameLookup({ servers: [dns.address], hostsFile: '/nowhere', timeoutMs: 100 });
    onTestFinished(() => names.close());
    await expect(names.resolve('dead.test')).rejects.toMatchObject({ reason: 'name_timeout' });
    // Two tries for A and AAAA each.
    expect(dns.queries.length).toBeLessThanOrEqual(4);
  });

  it('asks once for callers at the same time, and remembers a failure for 5 s', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => void now.mockRestore());
    const ok = { A: ['1.2.3.4'], AAAA: ['2606:4700::1'] };
    const dns = await startDnsServer(new Map([['ok.test', ok]]));
    const names = createNameLookup({
      servers: [dns.address],
      hostsFile: '/nowhere',
      timeoutMs: WAIT_LIMIT_MS,
    });
    onTestFinished(() => names.close());
    const answers = await Promise.all(Array.from({ length: 20 }, () => names.resolve('OK.test.')));
    expect(new Set(answers.map((answer) => answer.join()))).toEqual(new Set(['1.2.3.4,2606:4700::1']));
    expect(dns.queries).toHaveLength(2);
    await expect(names.resolve('no.test')).rejects.toMatchObject({ reason: 'name_not_found' });
    const asked = dns.queries.length;
    await expect(names.resolve('no.test')).rejects.toMatchObject({ reason: 'name_not_found' });
    expect(dns.queries).toHaveLength(asked);
    now.mockReturnValue(5001);
    await expect(names.resolve('no.test')).rejects.toMatchObject({ reason: 'name_not_found' });
    expect(dns.queries.length).toBeGreaterThan(asked);
  });

  it('never asks for localhost', async () => {
    const dns = await startDnsServer(() => ({ A: ['1.2.3.4'] }));
    const names = createNameLookup({ servers: [dns.address], hostsFile: '/nowhere' });
    onTestFinished(() => names.close());
    for (const name of ['localhost', 'LOCALHOST.', 'a.localhost'])
      expect(await names.resolve(name)).toEqual(['127.0.0.1', '::1']);
    expect(dns.queries).toEqual([]);
  });

  it('uses the addresses of one family if the other fails', async () => {
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

  it('is looked up in the search domains, as in Kubernetes', async () => {
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
    await expect.poll(async () => lookup.resolve('HOOK')).toEqual(['10.1.2.4']);
  });

  it('with ndots dots is looked up as it is first, and with a final dot only so', async () => {
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

  it('is looked up in the next domain if the name server fails for one, as in the C library', async () => {
    const { lookup } = await startSearching('search one.test two.test\n', {
      'x.one.test': { rcode: 'SERVFAIL' },
      'x.two.test': { A: ['10.0.0.1'] },
    });
    expect(await lookup.resolve('x')).toEqual(['10.0.0.1']);
  });

  it('is unreachable if no name server can be reached', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    const names = createNameLookup({ servers: [`127.0.0.1:${receiver.port}`], hostsFile: '/nowhere' });
    onTestFinished(() => names.close());
    await expect(names.resolve('any.test')).rejects.toMatchObject({ reason: 'network_unreachable' });
  });
});
