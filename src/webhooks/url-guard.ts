// Where a webhook may go. Asked when it is registered and again for every connection, with the addresses that are really connected to.
// One address that is not allowed is enough to refuse a name: honest names do not mix.

import { networkInterfaces } from 'node:os';
import { CodeBuddyError } from '../base/errors.ts';
import { type AddressClass, addressBytes, classifyAddress, isInside, parseBlock } from './address-class.ts';
import { isBadPort } from './bad-ports.ts';
import { isMetadataName } from './metadata-addresses.ts';

export interface UrlGuardOptions {
  /** CIDRs, addresses and host names (`example.org`, `*.example.org`) that are allowed beside public ones, over http too. */
  readonly allowedTargets: readonly string[];
  /** Whether loopback is allowed: it is where the server itself can be reached. */
  readonly allowLoopback: boolean;
  /** Where this process listens; asked at every judgement. */
  readonly ownListeners: () => readonly { readonly address: string; readonly port: number }[];
}

export interface Target {
  /** `https:` or `http:`. */
  readonly protocol: string;
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
}

export interface UrlGuard {
  /** Parses, and judges what needs no name server. @throws CodeBuddyError `validation_failed` naming /url */
  check(url: string): URL;
  /** Judges all addresses of a target: the reason in words why it may not be, or undefined. */
  judge(target: Target, addresses: readonly string[]): string | undefined;
  /** True if the name itself is in the allowed targets. */
  isNameAllowed(hostname: string): boolean;
}

const maxUrlBytes = 2048;

/** @throws TypeError naming an entry of `allowedTargets` that is none */
export function createUrlGuard({ allowedTargets, allowLoopback, ownListeners }: UrlGuardOptions): UrlGuard {
  const allowed = allowedTargets.map(parseAllowed);
  const blocks = allowed.flatMap((entry) => (entry.kind === 'block' ? [entry.block] : []));
  const names = allowed.flatMap((entry) => (entry.kind === 'name' ? [entry.name] : []));

  function isNameAllowed(hostname: string): boolean {
    const name = plainName(hostname);
    return names.some((allowedName) =>
      allowedName.startsWith('*.') ? name.endsWith(allowedName.slice(1)) : name === allowedName,
    );
  }

  /** Whether `address` is allowed beyond what is public. */
  function isListed({ kind, address }: AddressClass): boolean {
    if (kind === 'loopback' && allowLoopback) return true;
    const bytes = addressBytes(address);
    return bytes !== undefined && blocks.some((block) => isInside(bytes, block));
  }

  function judge({ protocol, hostname, port }: Target, addresses: readonly string[]): string | undefined {
    const nameAllowed = isNameAllowed(hostname);
    for (const address of addresses) {
      const found = classifyAddress(address);
      const shown = address === hostname ? address : `${hostname}, which is ${address},`;
      if (found.kind === 'invalid') return `leads to ${shown} which is not an address`;
      if (found.kind === 'metadata')
        return `leads to ${shown} where a cloud serves credentials; that is never allowed`;
      if (isOwn(found, port)) return `leads to ${shown} port ${port}: this server itself`;
      const isAllowed = nameAllowed || isListed(found);
      if (found.kind !== 'public' && !isAllowed)
        return `leads to ${shown} a ${found.kind} address; allow it with allowedTargets (--allowed-target) if that is meant`;
      if (protocol === 'http:' && !isAllowed)
        return `leads to ${shown} over http:, where anyone on the way can read and change it; use https:, or allow the target (--allowed-target)`;
    }
    return undefined;
  }

  function isOwn(found: AddressClass, port: number): boolean {
    return ownListeners().some((own) => {
      if (own.port !== port) return false;
      const listener = classifyAddress(own.address);
      // Bound to every address of the machine.
      if (listener.address === '0.0.0.0' || listener.address === '::')
        return found.kind === 'loopback' || machineAddresses().has(found.address);
      if (listener.kind === 'loopback') return found.kind === 'loopback';
      return listener.address === found.address;
    });
  }

  return {
    judge,
    isNameAllowed,
    check(text) {
      const url = parseTarget(text);
      const hostname = url.hostname.replace(/^\[|\]$/g, '');
      const port = portOf(url);
      if (isBadPort(port)) throw refused(`has port ${port}, where other protocols than HTTP are spoken`);
      const name = plainName(hostname);
      if (isMetadataName(name))
        throw refused(`names ${name}, where a cloud serves credentials; that is never allowed`);
      const literal = addressBytes(hostname) === undefined ? localAddresses(name) : [hostname];
      const reason =
        literal === undefined ? undefined : judge({ protocol: url.protocol, hostname, port }, literal);
      if (reason !== undefined) throw refused(reason);
      return url;
    },
  };
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** RFC 6761 §6.3: these names mean this machine, whatever a name server says. */
export function localAddresses(name: string): readonly string[] | undefined {
  return name === 'localhost' || name.endsWith('.localhost') ? ['127.0.0.1', '::1'] : undefined;
}

/** A name without the dot of the root, in lower case. */
export function plainName(hostname: string): string {
  return hostname.toLowerCase().replace(/\.$/, '');
}

/** Judges the form of a URL alone. @throws CodeBuddyError `validation_failed` naming /url */
export function parseTarget(text: string): URL {
  if (Buffer.byteLength(text) > maxUrlBytes) throw refused(`must have at most ${maxUrlBytes} bytes`);
  // What the parser would silently drop or turn: nobody who means well writes it.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in it.
  if (/[\u0000-\u0020\u007f\\]/.test(text))
    throw refused('must not hold spaces, control characters or backslashes');
  if (!/^https?:\/\/[^/]/i.test(text)) throw refused('must begin with https:// or http://, and a host');
  if (!URL.canParse(text)) throw refused('is not a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || /^https?:\/\/[^/?#]*@/i.test(text))
    throw refused('must not hold a user or a password; use headers');
  if (url.hash !== '' || text.includes('#')) throw refused('must not have a fragment (#)');
  if (url.hostname === '') throw refused('has no host');
  const name = url.hostname.replace(/\.$/, '');
  if (
    name.length > 253 ||
    name.split('.').some((label) => label.length > 63 || label === '' || label === 'xn--')
  )
    throw refused('has a host that is no name (RFC 1035: labels of 1 to 63, 253 in all)');
  return url;
}

type AllowedEntry =
  | { readonly kind: 'block'; readonly block: NonNullable<ReturnType<typeof parseBlock>> }
  | { readonly kind: 'name'; readonly name: string };

/** @throws TypeError */
export function parseAllowed(entry: string): AllowedEntry {
  const bytes = addressBytes(entry);
  if (bytes !== undefined) return { kind: 'block', block: { bytes, bits: bytes.length * 8 } };
  const block = entry.includes('/') ? parseBlock(entry) : undefined;
  if (block !== undefined) return { kind: 'block', block };
  const name = plainName(entry);
  const isName = /^(?:\*\.)?(?!\d+(?:\.\d+)*$)[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/.test(name);
  if (isName) return { kind: 'name', name };
  throw new TypeError(
    `${JSON.stringify(entry)} is no target: give an address, a CIDR as 10.0.0.0/8, or a host name as example.org or *.example.org`,
  );
}

let machine: { readonly at: number; readonly addresses: ReadonlySet<string> } | undefined;

/** They change rarely, and reading them is slow. */
function machineAddresses(): ReadonlySet<string> {
  const now = performance.now();
  if (machine === undefined || now - machine.at > 5000) {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    machine = {
      at: now,
      addresses: new Set(all.map(({ address }) => classifyAddress(address.split('%', 1)[0] ?? '').address)),
    };
  }
  return machine.addresses;
}

function refused(message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `url ${message}`, {
    errors: [{ in: 'body', pointer: '/url', message }],
  });
}
