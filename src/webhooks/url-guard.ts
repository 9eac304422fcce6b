// Decides where webhooks may go. It is called when a webhook is created and again for every connection, with the actual
// addresses. A name is refused if one of its addresses is not allowed: legitimate names do not mix public and private
// addresses.

import { networkInterfaces } from 'node:os';
import { CodeBuddyError } from '../base/errors.ts';
import { type AddressClass, addressBytes, classifyAddress, isInside, parseBlock } from './address-class.ts';
import { isBadPort } from './bad-ports.ts';
import { isMetadataName } from './metadata-addresses.ts';

export interface UrlGuardOptions {
  /**
   * CIDRs, addresses and host names (`example.org`, `*.example.org`) that are allowed in addition to public ones, with
   * http too.
   */
  readonly allowedTargets: readonly string[];
  /** True if loopback addresses are allowed. */
  readonly allowLoopback: boolean;
  /** The addresses that this process listens on: never a target. Called for every decision. */
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
  /**
   * Parses a URL and checks everything that needs no name server.
   *
   * @throws CodeBuddyError `validation_failed` naming /url
   */
  check(url: string): URL;
  /** Judges all addresses of a target. Returns the reason why it is refused, or undefined. */
  judge(target: Target, addresses: readonly string[]): string | undefined;
  /** True if the allowed targets list the name itself. */
  isNameAllowed(hostname: string): boolean;
}

const maxUrlBytes = 2048;

/** @throws TypeError naming an invalid entry of `allowedTargets` */
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

  /** True if the address is allowed although it may not be public. */
  function isListed({ kind, address }: AddressClass): boolean {
    if (kind === 'loopback' && allowLoopback) return true;
    const bytes = addressBytes(address);
    return bytes !== undefined && blocks.some((block) => isInside(bytes, block));
  }

  function judge({ protocol, hostname, port }: Target, addresses: readonly string[]): string | undefined {
    const nameAllowed = isNameAllowed(hostname);
    for (const address of addresses) {
      const found = classifyAddress(address);
      const shown = address === hostname ? address : `${address} (${hostname})`;
      if (found.kind === 'invalid') return `leads to ${shown}, which is not an address`;
      if (found.kind === 'metadata')
        return `leads to ${shown}, where a cloud serves credentials; that is never allowed`;
      if (isOwn(found, port)) return `leads to ${shown}, port ${port}: this server itself`;
      const isAllowed = nameAllowed || isListed(found);
      if (found.kind !== 'public' && !isAllowed)
        return `leads to ${shown}, a ${found.kind} address; if that is intended, allow it with allowedTargets (--allowed-target)`;
      if (protocol === 'http:' && !isAllowed)
        return `leads to ${shown} over http:, which can be read and changed on the way; use https:, or allow the target (--allowed-target)`;
    }
    return undefined;
  }

  function isOwn(found: AddressClass, port: number): boolean {
    return ownListeners().some((own) => {
      if (own.port !== port) return false;
      const listener = classifyAddress(own.address);
      // It listens on every address of the machine.
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
      if (isBadPort(port))
        throw refused(`has port ${port}, which is reserved for a protocol other than HTTP`);
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

/** RFC 6761 §6.3: these names mean this machine, regardless of name servers. */
export function localAddresses(name: string): readonly string[] | undefined {
  return name === 'localhost' || name.endsWith('.localhost') ? ['127.0.0.1', '::1'] : undefined;
}

/** A name in lower case, without the dot of the root. */
export function plainName(hostname: string): string {
  return hostname.toLowerCase().replace(/\.$/, '');
}

/** Parse a URL and check its form only. @throws CodeBuddyError `validation_failed` naming /url */
export function parseTarget(text: string): URL {
  if (Buffer.byteLength(text) > maxUrlBytes) throw refused(`must have at most ${maxUrlBytes} bytes`);
  // The URL parser would silently drop or replace these characters.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  if (/[\u0000-\u0020\u007f\\]/.test(text))
    throw refused('must not contain spaces, control characters or backslashes');
  if (!/^https?:\/\/[^/]/i.test(text)) throw refused('must begin with https:// or http:// and a host');
  if (!URL.canParse(text)) throw refused('is not a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || /^https?:\/\/[^/?#]*@/i.test(text))
    throw refused('must not contain a user or a password; use headers');
  if (url.hash !== '' || text.includes('#')) throw refused('must not have a fragment (#)');
  if (url.hostname === '') throw refused('has no host');
  const name = url.hostname.replace(/\.$/, '');
  if (
    name.length > 253 ||
    name.split('.').some((label) => label.length > 63 || label === '' || label === 'xn--')
  )
    throw refused('has an invalid host name (RFC 1035: labels of 1 to 63 characters, 253 in all)');
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
    `${JSON.stringify(entry)} is not a valid target: give an address, a CIDR such as 10.0.0.0/8, or a host name such as example.org or *.example.org`,
  );
}

let machine: { readonly at: number; readonly addresses: ReadonlySet<string> } | undefined;

/** Cached for 5 s: they rarely change, and reading them is slow. */
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
