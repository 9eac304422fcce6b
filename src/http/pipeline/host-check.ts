// Checks that `Host` names this server. In a DNS rebinding attack a web page makes its own name resolve to 127.0.0.1
// and sends that name; it cannot send a loopback name, the bound address or an allowed name.

import { isIPv4, isIPv6 } from 'node:net';

export type HostVerdict = 'ours' | 'foreign' | 'malformed';

/** `name`, `name:port`, `[v6]`, `[v6]:port` */
const hostPattern = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9_.-]{0,252})?))(?::(\d{1,5}))?$/;
const maxKept = 256;

/**
 * Creates the check. `bound` is the address that the server listens on. `allowed` lists further names: `example.org`
 * with any port, `example.org:8443` with this port only, `*.example.org` for its subdomains.
 */
export function makeHostCheck(
  bound: string,
  allowed: readonly string[],
): (host: string, localAddress: string | undefined) => HostVerdict {
  const entries = allowed.map((entry) => entry.trim().toLowerCase());
  const boundName = plainName(bound);
  const isWildcard = boundName === '0.0.0.0' || boundName === '::';
  // Verdicts by host: clients use the same few names.
  const kept = new Map<string, HostVerdict>();

  function judge(host: string, localAddress: string | undefined): HostVerdict {
    const lower = host.toLowerCase();
    const match = hostPattern.exec(lower);
    if (match === null) return 'malformed';
    const [, v6, plain, port] = match;
    if (port !== undefined && Number(port) > 65535) return 'malformed';
    if (v6 !== undefined && !isIPv6(v6)) return 'malformed';
    const name = v6 ?? (plain as string).replace(/\.$/, '');
    if (isLoopbackName(name) || name === boundName) return 'ours';
    if (isWildcard && localAddress !== undefined && name === plainName(localAddress)) return 'ours';
    for (const entry of entries) {
      if (entry === '*' || entry === name || entry === lower || entry === `[${name}]`) return 'ours';
      if (entry.startsWith('*.') && name.endsWith(entry.slice(1))) return 'ours';
    }
    return 'foreign';
  }

  return (host, localAddress) => {
    const known = kept.get(host);
    if (known !== undefined) return known;
    const verdict = judge(host, localAddress);
    // With a wildcard address the verdict depends on the connection.
    if (kept.size < maxKept && !isWildcard) kept.set(host, verdict);
    return verdict;
  };
}

/** True for `localhost`, names below it, 127.0.0.0/8 and ::1. */
export function isLoopbackName(host: string): boolean {
  const name = plainName(host);
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  return isIPv4(name) && name.startsWith('127.');
}

/** Lower case, without brackets, and without the IPv6 prefix of a mapped IPv4 address. */
function plainName(host: string): string {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return name.startsWith('::ffff:') && isIPv4(name.slice(7)) ? name.slice(7) : name;
}
