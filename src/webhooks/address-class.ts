// Classifies IP addresses by their bytes, never by their text: one address has many spellings. Sources: the IANA
// special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates), and the metadata services of cloud
// providers.

import ipaddr from 'ipaddr.js';
import { metadataServices } from './metadata-addresses.ts';

export type AddressKind =
  | 'public'
  | 'loopback'
  | 'private'
  | 'link-local'
  | 'multicast'
  | 'reserved'
  /** Serves the credentials of a cloud machine: never a target, even if it is listed as allowed. */
  | 'metadata'
  | 'invalid';

export interface AddressClass {
  readonly kind: AddressKind;
  /** Normalized. Of an IPv6 address that embeds an IPv4 one: the IPv4 address. */
  readonly address: string;
}

type Block = readonly [cidr: string, kind: AddressKind];

const metadataBlocks = [...new Set(metadataServices.flatMap(({ addresses }) => addresses))].map(
  (cidr): Block => [cidr, 'metadata'],
);

// The first match decides.
const blocks4: readonly Block[] = [
  ...metadataBlocks.filter(([cidr]) => !cidr.includes(':')),
  ['0.0.0.0/8', 'reserved'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'private'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'reserved'],
  ['192.88.99.0/24', 'reserved'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'reserved'],
  ['198.51.100.0/24', 'reserved'],
  ['203.0.113.0/24', 'reserved'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
];

const blocks6: readonly Block[] = [
  ...metadataBlocks.filter(([cidr]) => cidr.includes(':')),
  ['::1/128', 'loopback'],
  ['::/128', 'reserved'],
  ['fe80::/10', 'link-local'],
  ['fc00::/7', 'private'],
  ['fec0::/10', 'private'],
  ['ff00::/8', 'multicast'],
  ['2001::/23', 'reserved'],
  ['2001:db8::/32', 'reserved'],
  ['2620:4f:8000::/48', 'reserved'],
  ['3fff::/20', 'reserved'],
  // Global unicast; nothing beyond it is assigned.
  ['2000::/3', 'public'],
  ['::/0', 'reserved'],
];

/** IPv6 blocks whose addresses embed an IPv4 one, and the positions of its bytes. */
const embedding: readonly (readonly [cidr: string, positions: readonly number[]])[] = [
  ['::ffff:0:0/96', [12, 13, 14, 15]], // mapped, RFC 4291 §2.5.5.2
  ['::ffff:0:0:0/96', [12, 13, 14, 15]], // translated, RFC 6145
  ['64:ff9b::/96', [12, 13, 14, 15]], // NAT64, RFC 6052
  ['2002::/16', [2, 3, 4, 5]], // 6to4, RFC 3056
];

/**
 * Positions of the IPv4 address below a NAT64 prefix of 48, 56, 64 and 96 bits (RFC 6052 §2.2). Byte 8 is always zero.
 */
const nat64Positions: readonly (readonly number[])[] = [
  [6, 7, 9, 10],
  [7, 9, 10, 11],
  [9, 10, 11, 12],
  [12, 13, 14, 15],
];

interface ParsedBlock {
  readonly bytes: readonly number[];
  readonly bits: number;
}

/** Parse a CIDR; undefined if it is not one. */
export function parseBlock(cidr: string): ParsedBlock | undefined {
  try {
    const [address, bits] = ipaddr.parseCIDR(cidr);
    return { bytes: address.toByteArray(), bits };
  } catch {
    // ipaddr.js throws if the text is not a CIDR.
    return undefined;
  }
}

/** The 4 or 16 bytes of an address; undefined if it is not one. Zone ids are refused. */
export function addressBytes(address: string): readonly number[] | undefined {
  // Strict forms only: ipaddr.js also accepts 127.1 and 0x7f000001.
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).toByteArray();
  if (!address.includes(':') || address.includes('%') || !ipaddr.IPv6.isValid(address)) return undefined;
  return ipaddr.IPv6.parse(address).toByteArray();
}

export function isInside(bytes: readonly number[], block: ParsedBlock): boolean {
  if (bytes.length !== block.bytes.length) return false;
  for (let bit = 0; bit < block.bits; bit += 8) {
    const mask = block.bits - bit >= 8 ? 0xff : (0xff << (8 - (block.bits - bit))) & 0xff;
    const index = bit >> 3;
    if (((bytes[index] as number) & mask) !== ((block.bytes[index] as number) & mask)) return false;
  }
  return true;
}

function parse<T>(blocks: readonly (readonly [string, T])[]): readonly (readonly [ParsedBlock, T])[] {
  return blocks.map(([cidr, value]) => [parseBlock(cidr) as ParsedBlock, value]);
}

// Parsed at the first use: many runs of the program judge no address.
let parsed: Tables | undefined;

interface Tables {
  readonly blocks4: readonly (readonly [ParsedBlock, AddressKind])[];
  readonly blocks6: readonly (readonly [ParsedBlock, AddressKind])[];
  readonly embedding: readonly (readonly [ParsedBlock, readonly number[]])[];
}

function tables(): Tables {
  parsed ??= { blocks4: parse(blocks4), blocks6: parse(blocks6), embedding: parse(embedding) };
  return parsed;
}

const teredo = parseBlock('2001::/32') as ParsedBlock;
const compatible = parseBlock('::/96') as ParsedBlock;
const localNat64 = parseBlock('64:ff9b:1::/48') as ParsedBlock;

/** Classify an address. An IPv6 address that embeds an IPv4 one is classified by that one. */
export function classifyAddress(address: string): AddressClass {
  const bytes = addressBytes(address);
  if (bytes === undefined) return { kind: 'invalid', address };
  if (bytes.length === 4) return classify4(bytes);
  if (isInside(bytes, localNat64)) return classifyLocalNat64(bytes);
  const inner = innerAddress(bytes);
  if (inner !== undefined) return classify4(inner);
  const kind = tables().blocks6.find(([block]) => isInside(bytes, block))?.[1] ?? 'reserved';
  // An ISATAP address can be below any prefix, so this is a guess. It is used only for addresses that are never
  // allowed.
  if (kind !== 'metadata' && isIsatap(bytes)) {
    const tunnelled = classify4(bytes.slice(12));
    if (tunnelled.kind === 'metadata') return tunnelled;
  }
  return { kind, address: text(bytes) };
}

function classify4(bytes: readonly number[]): AddressClass {
  const kind = tables().blocks4.find(([block]) => isInside(bytes, block))?.[1] ?? 'public';
  return { kind, address: text(bytes) };
}

/**
 * RFC 8215: each network chooses the length of its prefix, which is not known here. The most dangerous reading counts.
 */
function classifyLocalNat64(bytes: readonly number[]): AddressClass {
  const readings = nat64Positions
    .filter((positions) => positions[0] === 12 || bytes[8] === 0)
    .map((positions) => classify4(take(bytes, positions)));
  const last = readings.at(-1) as AddressClass;
  return readings.find(({ kind }) => kind === 'metadata') ?? last;
}

/** RFC 5214 §6.1: the interface identifier begins with 00-00-5E-FE, or 02-00-5E-FE for a global address. */
function isIsatap(bytes: readonly number[]): boolean {
  return ((bytes[8] as number) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
}

function innerAddress(bytes: readonly number[]): readonly number[] | undefined {
  // IPv4-compatible, RFC 4291 §2.5.5.1; not `::` and `::1`.
  if (isInside(bytes, compatible) && bytes.slice(12, 15).some((byte) => byte !== 0)) return bytes.slice(12);
  // RFC 4380 §4: the client's address, inverted.
  if (isInside(bytes, teredo)) return bytes.slice(12).map((byte) => byte ^ 0xff);
  const positions = tables().embedding.find(([block]) => isInside(bytes, block))?.[1];
  return positions === undefined ? undefined : take(bytes, positions);
}

function take(bytes: readonly number[], positions: readonly number[]): readonly number[] {
  return positions.map((position) => bytes[position] as number);
}

function text(bytes: readonly number[]): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

const mapped = parseBlock('::ffff:0:0/96') as ParsedBlock;

/** The IPv4 address of an IPv4-mapped one, which is the same target and needs no IPv6; any other address unchanged. */
export function unmapped(address: string): string {
  const bytes = addressBytes(address);
  return bytes?.length === 16 && isInside(bytes, mapped) ? text(bytes.slice(12)) : address;
}

/**
 * Compare two addresses by their bytes: IPv6 has many spellings, and a dual-stack socket reports an IPv4 peer as a
 * mapped address.
 */
export function sameAddress(left: string, right: string): boolean {
  const normal = (address: string): string | undefined =>
    addressBytes(unmapped(address.split('%', 1)[0] ?? ''))?.join('.');
  const bytes = normal(left);
  return bytes !== undefined && bytes === normal(right);
}
