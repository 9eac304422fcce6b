// The network of a client's address. Limits per address count by network.

/** An IPv4 address itself; of an IPv6 address the /64, which one household shares. */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return '';
  if (address.startsWith('::ffff:')) return address.slice(7);
  if (!address.includes(':') || address === '::1') return address;
  const head = address.split('::')[0] as string;
  return `${head.split(':').slice(0, 4).join(':')}::/64`;
}

/** True for loopback, which all local clients share, so it does not identify any of them. */
export function isLoopbackNetwork(network: string): boolean {
  return network.startsWith('127.') || network === '::1' || network === '';
}
