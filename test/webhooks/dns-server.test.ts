// The tests' name server against the resolver that asks it in earnest: c-ares, through node:dns.

import { promises as dns } from 'node:dns';
import { expect, it } from 'vitest';
import { type DnsAnswer, type DnsAnswers, startDnsServer } from './dns-server.ts';

async function start(answers: DnsAnswers) {
  const server = await startDnsServer(answers);
  const resolver = new dns.Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([server.address]);
  return { server, resolver };
}

it('gives A and AAAA records, whatever the case of the name', async () => {
  const { server, resolver } = await start(
    new Map([['both.test', { A: ['192.0.2.1', '192.0.2.2'], AAAA: ['2001:db8::1', '::ffff:127.0.0.1'] }]]),
  );
  expect(await resolver.resolve4('Both.Test')).toEqual(['192.0.2.1', '192.0.2.2']);
  expect(await resolver.resolve6('both.test.')).toEqual(['2001:db8::1', '::ffff:127.0.0.1']);
  expect(server.queries.map(({ name, type, transport }) => `${transport} ${type} ${name}`)).toEqual([
    'udp A both.test',
    'udp AAAA both.test',
  ]);
});

it('gives the ttl, 0 if nothing is said', async () => {
  const { resolver } = await start(
    new Map([
      ['long.test', { A: ['192.0.2.1'], ttl: 86_400 }],
      ['short.test', { A: ['192.0.2.1'] }],
    ]),
  );
  expect(await resolver.resolve4('long.test', { ttl: true })).toEqual([
    { address: '192.0.2.1', ttl: 86_400 },
  ]);
  expect(await resolver.resolve4('short.test', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 0 }]);
});

it('follows a chain of CNAMEs, and ends where it is a circle', async () => {
  const { resolver } = await start(
    new Map<string, DnsAnswer>([
      ['one.test', { CNAME: 'two.test' }],
      ['two.test', { CNAME: 'three.test' }],
      ['three.test', { A: ['127.0.0.1'] }],
      ['round.test', { CNAME: 'around.test' }],
      ['around.test', { CNAME: 'round.test' }],
    ]),
  );
  expect(await resolver.resolve4('one.test')).toEqual(['127.0.0.1']);
  expect(await resolver.resolve4('round.test')).toEqual([]);
});

it.each([
  ['a name that does not exist', undefined, 'ENOTFOUND'],
  ['NXDOMAIN', { rcode: 'NXDOMAIN' }, 'ENOTFOUND'],
  ['SERVFAIL', { rcode: 'SERVFAIL' }, 'ESERVFAIL'],
  ['REFUSED', { rcode: 'REFUSED' }, 'EREFUSED'],
  ['a name without records', {}, 'ENODATA'],
  ['silence', { silent: true }, 'ETIMEOUT'],
] as const)('%s', async (_what, answer, code) => {
  const { resolver } = await start(new Map(answer === undefined ? [] : [['x.test', answer]]));
  await expect(resolver.resolve4('x.test')).rejects.toMatchObject({ code });
});

it('256 records come over TCP, after UDP said that they do not fit', async () => {
  const A = Array.from({ length: 256 }, (_, i) => `10.0.0.${i}`);
  const { server, resolver } = await start(new Map([['many.test', { A }]]));
  expect([...(await resolver.resolve4('many.test'))].sort()).toEqual([...A].sort());
  expect(server.queries.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
});

it('changes its mind: between two questions, or when the map changes', async () => {
  const answers = new Map<string, DnsAnswer>([['later.test', { A: ['192.0.2.1'] }]]);
  const flipping = await start(({ count }) => ({ A: [count === 1 ? '192.0.2.1' : '127.0.0.1'] }));
  expect(await flipping.resolver.resolve4('any.test')).toEqual(['192.0.2.1']);
  expect(await flipping.resolver.resolve4('any.test')).toEqual(['127.0.0.1']);
  const mapped = await start(answers);
  expect(await mapped.resolver.resolve4('later.test')).toEqual(['192.0.2.1']);
  answers.set('later.test', { A: ['127.0.0.1'] });
  expect(await mapped.resolver.resolve4('later.test')).toEqual(['127.0.0.1']);
});

it('bears what is no question', async () => {
  const { createSocket } = await import('node:dgram');
  const { server, resolver } = await start(new Map([['ok.test', { A: ['192.0.2.1'] }]]));
  const socket = createSocket('udp4');
  for (const bytes of [Buffer.alloc(0), Buffer.from('no'), Buffer.alloc(12, 0xff), Buffer.alloc(600, 1)])
    await new Promise((resolve) => socket.send(bytes, server.port, '127.0.0.1', resolve));
  socket.close();
  expect(await resolver.resolve4('ok.test')).toEqual(['192.0.2.1']);
});
