// Tells whether a model server is on this machine or in its own network. Such servers often run on slow machines, so
// calls wait longer for them.

import { BlockList, isIP } from 'node:net';

const near = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  // Shared addresses (RFC 6598), which overlay networks use.
  ['100.64.0.0', 10],
] as const)
  near.addSubnet(network, prefix, 'ipv4');
near.addAddress('::1', 'ipv6');
near.addSubnet('fc00::', 7, 'ipv6');
near.addSubnet('fe80::', 10, 'ipv6');

/** Names are judged by their form; none is looked up. */
export function isLocalUrl(url: string): boolean {
  const host =
    URL.parse(url)
      ?.hostname.replace(/^\[|\]$/g, '')
      .replace(/\.$/, '') ?? '';
  const family = isIP(host);
  if (family !== 0) return near.check(host, family === 4 ? 'ipv4' : 'ipv6');
  // A name without a dot belongs to the own network; `.internal` also names the host of a container.
  return (
    host !== '' && (!host.includes('.') || /\.(?:localhost|local|lan|home|internal|home\.arpa)$/.test(host))
  );
}
