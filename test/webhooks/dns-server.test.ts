// The name server of the tests, asked by c-ares through node:dns.

import { promises as dns } from 'node:dns';
import { expect, it } from 'vitest';
import { WAIT_LIMIT_MS } from '../wait-for.ts';
import { type DnsAnswer, type DnsAnswers, startDnsServer } from './dns-server.ts';

async function start(answers: DnsAnswers, timeout = WAIT_LIMIT_MS) {
  const server = await startDnsServer(answers);
  const resolver = new dns.Resolver({ timeout, tries: 1 });
  resolver.setServers([server.address]);
  return { server, resolver };
}

it('gives A and AAAA records for a name in any case', async () => {
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

it('gives the TTL, 0 by default', async () => {
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

it('follows a chain of CNAMEs, and ends a circle', async () => {
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
] as const)('%s gives the right error', async (_what, answer, code) => {
  const answers = new Map(answer === undefined ? [] : [['x.test', answer]]);
  const { resolver } = await start(answers, code === 'ETIMEOUT' ? 200 : undefined);
  await expect(resolver.resolve4('x.test')).rejects.toMatchObject({ code });
});

it('gives 256 records over TCP after a truncated answer over UDP', async () => {
  const A = Array.from({ length: 256 }, (_, i) => `10.0.0.${i}`);
  const { server, resolver } = await start(new Map([['many.test', { A }]]));
  expect([...(await resolver.resolve4('many.test'))].sort()).toEqual([...A].sort());
  expect(server.queries.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
});

it('can answer differently from one question to the next', async () => {
  const answers = new Map<string, DnsAnswer>([['later.test', { A: ['192.0.2.1'] }]]);
  const flipping = await start(({ count }) => ({ A: [count === 1 ? '192.0.2.1' : '127.0.0.1'] }));
  expect(await flipping.resolver.resolve4('any.test')).toEqual(['192.0.2.1']);
  expect(await flipping.resolver.resolve4('any.test')).toEqual(['127.0.0.1']);
  const mapped = await start(answers);
  expect(await mapped.resolver.resolve4('later.test')).toEqual(['192.0.2.1']);
  answers.set('later.test', { A: ['127.0.0.1'] });
  expect(await mapped.resolver.resolve4('later.test')).toEqual(['127.0.0.1']);
});

it('survives datagrams that are not questions', async () => {
  const { createSocket } = await import('node:dgram');
  const { server, resolver } = await start(new Map([['ok.test', { A: ['192.0.2.1'] }]]));
  const socket = createSocket('udp4');
  for (const bytes of [Buffer.alloc(0), Buffer.from('no'), Buffer.alloc(12, 0xff), Buffer.alloc(600, 1)])
    await new Promise((resolve) => socket.send(bytes, server.port, '127.0.0.1', resolve));
  socket.close();
  expect(await resolver.resolve4('ok.test')).toEqual(['192.0.2.1']);
});
