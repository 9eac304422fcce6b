// Checks whether this machine has a network, to distinguish an offline machine from a receiver that is down.

import { networkInterfaces } from 'node:os';

/** True for a URL that leads to this machine by its name or address, so that it needs no network. */
export function isLocal({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' ||
    hostname.startsWith('127.') ||
    hostname === '[::1]' ||
    hostname.endsWith('.localhost')
  );
}

/** True if a network card has an address that leads beyond this machine. */
export function hasNetwork(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ internal }) => !internal));
}
