// Whether a model's server is near: on this machine or in its own network. Such a server often has a slow machine and no other users, so it
// is waited for longer.

import { BlockList, isIP } from 'node:net';

const near = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  // Shared addresses (RFC 6598), as private networks over the internet use them.
  ['100.64.0.0', 10],
] as const)
  near.addSubnet(network, prefix, 'ipv4');
near.addAddress('::1', 'ipv6');
near.addSubnet('fc00::', 7, 'ipv6');
near.addSubnet('fe80::', 10, 'ipv6');

/** Names are judged by their form alone: none is looked up. */
export function isLocalUrl(url: string): boolean {
  const host =
    URL.parse(url)
      ?.hostname.replace(/^\[|\]$/g, '')
      .replace(/\.$/, '') ?? '';
  const family = isIP(host);
  if (family !== 0) return near.check(host, family === 4 ? 'ipv4' : 'ipv6');
  // A name without a dot is one of the own network; `.internal` also stands for the host of a container.
  return (
    host !== '' && (!host.includes('.') || /\.(?:localhost|local|lan|home|internal|home\.arpa)$/.test(host))
  );
}
