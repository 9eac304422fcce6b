// The addresses at which other machines reach a server that listens on more than loopback.

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export interface Reach {
  /** The server listens on loopback only. */
  readonly isLocal: boolean;
  /** URLs for other machines. */
  readonly urls: readonly string[];
}

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

export function reachOf(host: string, port: string, interfaces: Interfaces = networkInterfaces()): Reach {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost' || name === '::1' || /^127\./.test(name)) return { isLocal: true, urls: [] };
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const addresses =
    name === '0.0.0.0' || name === '::'
      ? all.filter((one) => !one.internal && isShown(one, name)).map(({ address }) => address)
      : [name];
  return { isLocal: false, urls: [...new Set(addresses)].map((address) => urlOf(address, port)) };
}

/** Leaves out link-local IPv6 addresses: they need the name of an interface of the other machine. */
function isShown({ family, address }: NetworkInterfaceInfo, bound: string): boolean {
  return family === 'IPv4' || (bound === '::' && !/^fe[89ab]/i.test(address));
}

function urlOf(address: string, port: string): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
