// The targets that a webhook may have: URLs at creation, and addresses again at each connection.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodeBuddyError } from '../../src/base/errors.ts';
import { classifyAddress } from '../../src/webhooks/address-class.ts';
import { metadataServices } from '../../src/webhooks/metadata-addresses.ts';
import { createUrlGuard, type UrlGuard } from '../../src/webhooks/url-guard.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks } from './start-webhooks.ts';

function guardWith(options: Partial<Parameters<typeof createUrlGuard>[0]> = {}): UrlGuard {
  return createUrlGuard({ allowedTargets: [], allowLoopback: false, ownListeners: () => [], ...options });
}

/** The reason why a URL is refused; undefined if it is not. */
function refusal(guard: UrlGuard, url: string): string | undefined {
  try {
    guard.check(url);
    return undefined;
  } catch (error) {
    if (!(error instanceof CodeBuddyError)) throw error;
    expect(error.code).toBe('validation_failed');
    expect(error.errors?.[0]?.pointer).toBe('/url');
    return error.message;
  }
}

const hosts: readonly string[] = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '00000177.1',
  '127.0.0.1.',
  '0',
  '0.0.0.0',
  '127.255.255.254',
  '①②⑦.⓪.⓪.①',
  '１２７.０.０.１',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:a9fe:a9fe]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::a00:1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::]',
  '[2001:0:7f00:1::]',
  '[fe80::1]',
  '[fe80::1%25eth0]',
  '[febf::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '[ff02::1]',
  '[100::1]',
  '[5f00::1]',
  '[3fff::1]',
  '[2001:db8::1]',
  '[4000::1]',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '169.254.170.2',
  '168.63.129.16',
  '100.100.100.200',
  '100.64.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '192.88.99.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'foo.localhost',
  'ⓛocalhost',
  'metadata.google.internal',
  'metadata.google.internal.',
];

const wholeUrls: readonly string[] = [
  'https://user:pass@example.com/',
  'https://host@127.0.0.1/',
  'https://127.0.0.1:80@example.com/',
  'https://@example.com/',
  'https://example.com\\@127.0.0.1/',
  'https://example.com#@127.0.0.1/',
  'http:127.0.0.1',
  'http:///127.0.0.1',
  'https:\\\\127.0.0.1',
  ' https://example.com/',
  'https://exam\tple.com/',
  'https://exam\nple.com/',
  'https://example.com/ ',
  'https://example.com:0/',
  'https://example.com:65536/',
  'https://example.com:99999/',
  'https://example.com:22/',
  'https://example.com:25/',
  'https://example.com:6000/',
  'https://example.com:6667/',
  'https://example.com:10080/',
  'https://example.com:6379/',
  'file:///etc/passwd',
  'ftp://example.com/',
  'gopher://example.com/',
  'data:text/plain,x',
  'blob:https://example.com/x',
  'javascript:alert(1)',
  'unix:/tmp/socket',
  'http+unix://%2Ftmp%2Fsocket/',
  'ws://example.com/',
  `https://example.com/${'x'.repeat(2040)}`,
  `https://${'a'.repeat(300)}.example.com/`,
  'https:///',
  'https://xn--/',
  'https://1.1.1.1 &@2.2.2.2# @3.3.3.3/',
  '',
  'https://',
];

describe('a URL at creation', () => {
  it.each(hosts.flatMap((host) => [`http://${host}/`, `https://${host}/`]))('is refused as %j', (url) => {
    expect(refusal(guardWith(), url)).toBeDefined();
  });

  it.each(wholeUrls)('is refused as %j, even if everything is allowed', (url) => {
    expect(refusal(guardWith(), url)).toBeDefined();
    expect(refusal(guardWith({ allowLoopback: true, allowedTargets: ['10.0.0.0/8'] }), url)).toBeDefined();
  });

  it('is allowed if it is public and https, refused if it is public and http', () => {
    for (const host of [
      'example.com',
      '1.1.1.1',
      '172.32.0.1',
      '[2606:4700::1111]',
      'xn--bcher-kva.example',
      'example.com.',
      'a'.repeat(63),
    ])
      expect(refusal(guardWith(), `https://${host}/hook?x=1`), host).toBeUndefined();
    expect(refusal(guardWith(), 'http://1.1.1.1/')).toContain('https:');
  });

  it('may be loopback if the server is, and private if allowedTargets lists it', () => {
    const local = guardWith({ allowLoopback: true });
    for (const url of ['http://127.0.0.1:8080/', 'http://localhost/', 'http://[::1]/', 'http://127.1/'])
      expect(refusal(local, url)).toBeUndefined();
    expect(refusal(local, 'http://10.0.0.1/')).toContain('allowed-target');
    const listed = guardWith({ allowedTargets: ['10.0.0.0/8', 'fd00::/8', 'nas.example', '*.lan.example'] });
    for (const url of [
      'http://10.1.2.3/',
      'https://[fd00::7]/',
      'http://[::ffff:10.1.2.3]/',
      'http://nas.example/',
    ])
      expect(refusal(listed, url), url).toBeUndefined();
    expect(refusal(listed, 'http://11.0.0.1/')).toBeDefined();
    expect(listed.isNameAllowed('a.lan.example')).toBe(true);
    expect(listed.isNameAllowed('lan.example')).toBe(false);
  });

  it.each([
    '169.254.169.254',
    '[::ffff:169.254.169.254]',
    '169.254.170.2',
    '169.254.170.23',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    '[::ffff:192.0.0.192]',
    '[64:ff9b::192.0.0.192]',
    '[2002:c000:c0::1]',
    '169.254.42.42',
    '0xa9fe2a2a',
    '169.254.0.23',
    '[::ffff:a9fe:17]',
    '[fd00:ec2::254]',
    '[fd00:ec2::23]',
    '[fd00:ec2::123]',
    '[fd20:ce::254]',
    '[fd00:100::100:200]',
    '[fd00:c1::a9fe:a9fe]',
    '[fd00:42::42]',
    '[fd00:a9fe:a9fe::1]',
    '[fe80::a9fe:a9fe]',
    // NAT64 below a prefix of 48, 56, 64 and 96 bits.
    '[64:ff9b:1:a9fe:a9:fe00::]',
    '[64:ff9b:1:12a9:fe:a9fe::]',
    '[64:ff9b:1:1234:a9:fea9:fe00:0]',
    '[64:ff9b:1::a9fe:a9fe]',
    // ISATAP.
    '[fe80::5efe:169.254.169.254]',
    '[2606:4700::200:5efe:a9fe:a9fe]',
    'metadata',
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata.goog',
    'metadata.azure.internal',
    'instance-data',
    'instance-data.ec2.internal',
    'metadata.tencentyun.com',
    'api.metadata.cloud.ibm.com',
  ])('of the metadata service %s is refused even if allowedTargets lists it', (host) => {
    const guard = guardWith({
      allowedTargets: ['0.0.0.0/0', '::/0', ...metadataServices.flatMap(({ names = [] }) => names)],
      allowLoopback: true,
    });
    for (const scheme of ['http', 'https'])
      expect(refusal(guard, `${scheme}://${host}/`), host).toContain('credentials');
  });

  it('of each row of the metadata table is refused, also behind an allowed name', () => {
    const guard = guardWith({ allowedTargets: ['0.0.0.0/0', '::/0', 'hook.example'], allowLoopback: true });
    for (const { provider, source, addresses } of metadataServices) {
      expect(source, provider).toMatch(/^https:\/\//);
      for (const cidr of addresses) {
        const [address = ''] = cidr.split('/');
        const target = { protocol: 'https:', hostname: 'hook.example', port: 443 };
        expect(guard.judge(target, [address]), `${provider} ${cidr}`).toContain('never allowed');
      }
    }
  });

  it('of the own listener is refused under each of its names', () => {
    const everywhere = guardWith({
      allowLoopback: true,
      allowedTargets: ['0.0.0.0/0'],
      ownListeners: () => [{ address: '0.0.0.0', port: 3847 }],
    });
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '[::1]', '[::ffff:127.0.0.1]'])
      expect(refusal(everywhere, `http://${host}:3847/`), host).toContain('this server itself');
    expect(refusal(everywhere, 'http://127.0.0.1:3848/')).toBeUndefined();
    const own = { protocol: 'http:', hostname: 'me.example', port: 3847 };
    expect(everywhere.judge(own, ['127.0.0.1'])).toContain('this server itself');
  });

  it('cannot be allowed by an invalid target', () => {
    for (const entry of ['10.0.0.0/33', '300.1.1.1', 'http://x', 'a b', ''])
      expect(() => guardWith({ allowedTargets: [entry] }), entry).toThrow('is not a valid target');
  });
});

describe('the addresses of a name', () => {
  const https = { protocol: 'https:', hostname: 'example.com', port: 443 };

  it('are refused if one of them is forbidden', () => {
    const guard = guardWith();
    expect(guard.judge(https, ['93.184.216.34'])).toBeUndefined();
    expect(guard.judge(https, ['93.184.216.34', '127.0.0.1'])).toContain('127.0.0.1');
    expect(guard.judge(https, ['93.184.216.34', '::1'])).toContain('::1');
    expect(guard.judge(https, ['::ffff:10.0.0.1'])).toContain('private');
  });

  it('must all be allowed over http', () => {
    const guard = guardWith({ allowedTargets: ['10.0.0.0/8'] });
    const http = { ...https, protocol: 'http:' };
    expect(guard.judge(http, ['10.0.0.1'])).toBeUndefined();
    expect(guard.judge(http, ['10.0.0.1', '93.184.216.34'])).toContain('https:');
  });

  it('have the kind of the IPv4 address that an IPv6 form embeds', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(fc.integer({ min: 1, max: 255 }), byte, byte, byte), (bytes) => {
        const [a, b, c, d] = bytes;
        const hex = (first: number, second: number) => ((first << 8) | second).toString(16);
        const dotted = bytes.join('.');
        const { kind } = classifyAddress(dotted);
        for (const form of [
          `::ffff:${dotted}`,
          `::${hex(a, b)}:${hex(c, d)}`,
          `::ffff:0:${hex(a, b)}:${hex(c, d)}`,
          `64:ff9b::${hex(a, b)}:${hex(c, d)}`,
          `64:ff9b:1::${hex(a, b)}:${hex(c, d)}`,
          `2002:${hex(a, b)}:${hex(c, d)}::1`,
          `2001:0:1:2:3:4:${hex(a ^ 255, b ^ 255)}:${hex(c ^ 255, d ^ 255)}`,
        ])
          expect(classifyAddress(form).kind, `${form} is ${dotted}`).toBe(kind);
      }),
    );
  });

  it('are not public if they are not valid', () => {
    for (const text of [
      '',
      'example.com',
      '127.1',
      '1.2.3',
      '1.2.3.4.5',
      '::g',
      '1.1.1.1%eth0',
      'fe80::1%eth0',
      '0x7f000001',
    ])
      expect(classifyAddress(text).kind, text).toBe('invalid');
  });
});

describe('creation', () => {
  it('names the refused field and stores nothing', async () => {
    const { webhooks } = startWebhooks({ allowLoopback: false });
    const receiver = await startReceiver();
    for (const url of [receiver.url, 'http://169.254.169.254/', 'ftp://x/', 'https://10.0.0.1/']) {
      await expect(webhooks.register({ url })).rejects.toMatchObject({
        code: 'validation_failed',
        errors: [{ pointer: '/url' }],
      });
    }
    expect(await webhooks.getAll()).toEqual([]);
  });
});
