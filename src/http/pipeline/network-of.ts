// The network of a client's address: what is limited by address is limited by this.

/** One household has one /64: an IPv6 address counts by its first four groups. */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return '';
  if (address.startsWith('::ffff:')) return address.slice(7);
  if (!address.includes(':') || address === '::1') return address;
  const head = address.split('::')[0] as string;
  return `${head.split(':').slice(0, 4).join(':')}::/64`;
}

/** All local clients share it, so it says nothing about who they are. */
export function isLoopbackNetwork(network: string): boolean {
  return network.startsWith('127.') || network === '::1' || network === '';
}
