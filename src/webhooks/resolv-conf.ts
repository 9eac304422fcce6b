// Reads the part of resolv.conf(5) that c-ares leaves to its callers: the domains in which a short name is looked up,
// as used by Kubernetes and company networks. Reads the file again when it changes.

import { readFileSync, statSync } from 'node:fs';

export const systemResolvConf = '/etc/resolv.conf';

export interface SearchRules {
  /** Without dots at either end. */
  readonly domains: readonly string[];
  /** A name with at least this many dots is first looked up as it is. */
  readonly ndots: number;
}

const none: SearchRules = { domains: [], ndots: 1 };
const maxDomains = 32;
const maxNdots = 15;

export function openResolvConf(path: string): () => SearchRules {
  let stamp = '';
  let rules = none;
  return () => {
    const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: -1 };
    if (`${mtimeMs} ${size}` !== stamp) {
      stamp = `${mtimeMs} ${size}`;
      rules = size < 0 ? none : read(path);
    }
    return rules;
  };
}

function read(path: string): SearchRules {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Without the file, names are looked up as they are.
    return none;
  }
  return parseResolvConf(text);
}

/** Parse a resolv.conf. The last `search` or `domain` line counts. */
export function parseResolvConf(text: string): SearchRules {
  let { domains, ndots } = none;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search' || keyword === 'domain')
      domains = values
        .slice(0, keyword === 'domain' ? 1 : maxDomains)
        .map((domain) => domain.toLowerCase().replace(/^\.|\.$/g, ''))
        .filter((domain) => domain !== '');
    if (keyword === 'options')
      for (const value of values) {
        const given = /^ndots:(\d{1,3})$/.exec(value)?.[1];
        if (given !== undefined) ndots = Math.min(Number(given), maxNdots);
      }
  }
  return { domains, ndots };
}

/**
 * The full names that a name may stand for, in the order in which they are looked up. A name with a dot at its end
 * stands for itself only.
 */
export function candidatesFor(hostname: string, { domains, ndots }: SearchRules): readonly string[] {
  const name = hostname.toLowerCase();
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const within = domains.map((domain) => `${name}.${domain}`).filter((full) => full.length <= 253);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...within] : [...within, name];
}
