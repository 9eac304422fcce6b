// Where a webhook may go: group U of the abuse cases, at registration; addresses again at connection. Numbers are those of
// WEBHOOK-FACTS.md (d).

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

const hosts: readonly (readonly [number, string])[] = [
  [1, '127.0.0.1'],
  [2, '127.1'],
  [3, '127.0.1'],
  [4, '2130706433'],
  [5, '0x7f000001'],
  [6, '0x7f.0.0.1'],
  [7, '0177.0.0.1'],
  [8, '017700000001'],
  [9, '00000177.1'],
  [10, '127.0.0.1.'],
  [11, '0'],
  [12, '0.0.0.0'],
  [13, '127.255.255.254'],
  [14, '①②⑦.⓪.⓪.①'],
  [15, '１２７.０.０.１'],
  [16, '127。0。0。1'],
  [17, '%31%32%37.0.0.1'],
  [18, '[::1]'],
  [19, '[0:0:0:0:0:0:0:1]'],
  [20, '[::]'],
  [21, '[::ffff:127.0.0.1]'],
  [22, '[::ffff:7f00:1]'],
  [23, '[0:0:0:0:0:ffff:a9fe:a9fe]'],
  [24, '[::127.0.0.1]'],
  [25, '[::ffff:0:127.0.0.1]'],
  [26, '[64:ff9b::7f00:1]'],
  [27, '[64:ff9b:1::a00:1]'],
  [28, '[2002:7f00:1::]'],
  [29, '[2002:a9fe:a9fe::]'],
  [30, '[2001:0:7f00:1::]'],
  [31, '[fe80::1]'],
  [32, '[fe80::1%25eth0]'],
  [33, '[febf::1]'],
  [34, '[fec0::1]'],
  [35, '[fc00::1]'],
  [36, '[fd00:ec2::254]'],
  [37, '[fd20:ce::254]'],
  [38, '[ff02::1]'],
  [39, '[100::1]'],
  [40, '[5f00::1]'],
  [41, '[3fff::1]'],
  [42, '[2001:db8::1]'],
  [43, '[4000::1]'],
  [44, '10.0.0.1'],
  [45, '172.16.0.1'],
  [45, '172.31.255.255'],
  [46, '192.168.0.1'],
  [47, '169.254.169.254'],
  [48, '0xa9fea9fe'],
  [49, '2852039166'],
  [50, '169.254.170.2'],
  [51, '168.63.129.16'],
  [52, '100.100.100.200'],
  [53, '100.64.0.1'],
  [54, '192.0.0.192'],
  [55, '192.0.2.1'],
  [56, '198.18.0.1'],
  [57, '198.51.100.1'],
  [58, '203.0.113.1'],
  [59, '192.88.99.1'],
  [60, '224.0.0.1'],
  [61, '240.0.0.1'],
  [62, '255.255.255.255'],
  [63, 'localhost'],
  [63, 'LOCALHOST'],
  [63, 'localhost.'],
  [63, 'foo.localhost'],
  [64, 'ⓛocalhost'],
  [65, 'metadata.google.internal'],
  [65, 'metadata.google.internal.'],
];

const wholeUrls: readonly (readonly [number, string])[] = [
  [66, 'https://user:pass@example.com/'],
  [66, 'https://host@127.0.0.1/'],
  [66, 'https://127.0.0.1:80@example.com/'],
  [66, 'https://@example.com/'],
  [67, 'https://example.com\\@127.0.0.1/'],
  [67, 'https://example.com#@127.0.0.1/'],
  [68, 'http:127.0.0.1'],
  [68, 'http:///127.0.0.1'],
  [68, 'https:\\\\127.0.0.1'],
  [69, ' https://example.com/'],
  [69, 'https://exam\tple.com/'],
  [69, 'https://exam\nple.com/'],
  [69, 'https://example.com/ '],
  [70, 'https://example.com:0/'],
  [70, 'https://example.com:65536/'],
  [70, 'https://example.com:99999/'],
  [70, 'https://example.com:22/'],
  [70, 'https://example.com:25/'],
  [70, 'https://example.com:6000/'],
  [70, 'https://example.com:6667/'],
  [70, 'https://example.com:10080/'],
  [70, 'https://example.com:6379/'],
  [71, 'file:///etc/passwd'],
  [71, 'ftp://example.com/'],
  [71, 'gopher://example.com/'],
  [71, 'data:text/plain,x'],
  [71, 'blob:https://example.com/x'],
  [71, 'javascript:alert(1)'],
  [71, 'unix:/tmp/socket'],
  [71, 'http+unix://%2Ftmp%2Fsocket/'],
  [71, 'ws://example.com/'],
  [72, `https://example.com/${'x'.repeat(2040)}`],
  [72, `https://${'a'.repeat(300)}.example.com/`],
  [72, 'https:///'],
  [72, 'https://xn--/'],
  [74, 'https://1.1.1.1 &@2.2.2.2# @3.3.3.3/'],
  [74, ''],
  [74, 'https://'],
];

describe('a URL is refused at registration', () => {
  it.each(
    hosts.flatMap(
      ([number, host]) =>
        [
          [number, `http://${host}/`],
          [number, `https://${host}/`],
        ] as const,
    ),
  )('U%i: %s', (_number, url) => {
    expect(refusal(guardWith(), url)).toBeDefined();
  });

  it.each(wholeUrls)('U%i: %s', (_number, url) => {
    expect(refusal(guardWith(), url)).toBeDefined();
    // Whatever else is allowed.
    expect(refusal(guardWith({ allowLoopback: true, allowedTargets: ['10.0.0.0/8'] }), url)).toBeDefined();
  });

  it('public ones over https are fine, over http they are not', () => {
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

  it('loopback is allowed where the server is on loopback, private ones where the targets say so', () => {
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
  ])('the metadata service %s is refused even when the targets list it', (host) => {
    const guard = guardWith({
      allowedTargets: ['0.0.0.0/0', '::/0', ...metadataServices.flatMap(({ names = [] }) => names)],
      allowLoopback: true,
    });
    for (const scheme of ['http', 'https'])
      expect(refusal(guard, `${scheme}://${host}/`), host).toContain('credentials');
  });

  it('every row of the metadata table names its source and holds, also behind an allowed name', () => {
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

  it('U73: our own listener is refused under every name it has', () => {
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

  it('names in the targets must be targets', () => {
    for (const entry of ['10.0.0.0/33', '300.1.1.1', 'http://x', 'a b', ''])
      expect(() => guardWith({ allowedTargets: [entry] }), entry).toThrow('is not a valid target');
  });
});

describe('the addresses of a name', () => {
  const https = { protocol: 'https:', hostname: 'example.com', port: 443 };

  it('77, 78: one forbidden answer is enough', () => {
    const guard = guardWith();
    expect(guard.judge(https, ['93.184.216.34'])).toBeUndefined();
    expect(guard.judge(https, ['93.184.216.34', '127.0.0.1'])).toContain('127.0.0.1');
    expect(guard.judge(https, ['93.184.216.34', '::1'])).toContain('::1');
    expect(guard.judge(https, ['::ffff:10.0.0.1'])).toContain('private');
  });

  it('over http every address must be allowed', () => {
    const guard = guardWith({ allowedTargets: ['10.0.0.0/8'] });
    const http = { ...https, protocol: 'http:' };
    expect(guard.judge(http, ['10.0.0.1'])).toBeUndefined();
    expect(guard.judge(http, ['10.0.0.1', '93.184.216.34'])).toContain('https:');
  });

  it('an IPv4 address is of the same kind in every form of IPv6 that embeds it', () => {
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

  it('what is no address is not public', () => {
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

describe('registration', () => {
  it('names the field, and keeps nothing', async () => {
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
