// Reads the hosts file, which c-ares does not, and reads it again when it changes.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addressBytes } from './address-class.ts';
import { plainName } from './url-guard.ts';

export const systemHostsFile =
  process.platform === 'win32'
    ? join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
    : '/etc/hosts';

/** Returns a function that looks up a name: its addresses, or none if the file does not list it or cannot be read. */
export function openHostsFile(path: string): (name: string) => readonly string[] {
  let stamp = '';
  let names: ReadonlyMap<string, readonly string[]> = new Map();
  return (name) => {
    const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: -1 };
    if (`${mtimeMs} ${size}` !== stamp) {
      stamp = `${mtimeMs} ${size}`;
      names = size < 0 ? new Map() : read(path);
    }
    return names.get(plainName(name)) ?? [];
  };
}

/** hosts(5): an address, then names; the rest of a line after # is a comment. */
function read(path: string): ReadonlyMap<string, readonly string[]> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Without the file, only name servers are asked.
    return new Map();
  }
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (addressBytes(address) === undefined) continue;
    for (const name of rest) {
      const key = plainName(name);
      names.set(key, [...(names.get(key) ?? []), address]);
    }
  }
  return names;
}
