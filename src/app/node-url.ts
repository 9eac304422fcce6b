// The URL at which other nodes and operators reach this node.

import { hostname } from 'node:os';
import type { Settings } from '../config/settings.ts';

interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** The setting, or the address of the server; undefined until it listens. */
export function nodeUrl(
  { nodeUrl }: Pick<Settings, 'nodeUrl'>,
  address: Address | undefined,
): string | undefined {
  if (nodeUrl !== undefined || address === undefined) return nodeUrl;
  const isAny = address.host === '0.0.0.0' || address.host === '::';
  return isAny ? `http://${hostname()}:${address.port}` : address.url;
}
