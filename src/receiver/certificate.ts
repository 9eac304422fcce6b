// Certificates made at run time, for receivers that speak TLS in tests and in the torture chamber: self-signed, or by an authority that was
// made here too. ECDSA on P-256; X.509 v3 as RFC 5280 has it, in DER written by hand: Node reads certificates, it does not make them.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { bits, bytes, context, explicit, flag, oid, sequence, set, text, time, whole } from './der.ts';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. Not for any use but trying things out. */
  readonly key: string;
}

export interface CertificateOptions {
  /** Host names and IP addresses it is for; the first is its subject. An authority's name may be any words. */
  readonly names: readonly string[];
  /** What signs it. @default itself */
  readonly issuer?: Certificate;
  /** Whether it may sign others. @default false */
  readonly isCa?: boolean;
  /** @default an hour ago */
  readonly notBefore?: Date;
  /** @default in a day */
  readonly notAfter?: Date;
}

const hourMs = 3_600_000;
const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

/** @throws TypeError without names, or if the subject is longer than 64 characters */
export function makeCertificate({
  names,
  issuer,
  isCa = false,
  notBefore = new Date(Date.now() - hourMs),
  notAfter = new Date(Date.now() + 24 * hourMs),
}: CertificateOptions): Certificate {
  const [subject] = names;
  // The bound is X.520's; OpenSSL holds readers to it.
  if (subject === undefined || subject.length < 1 || subject.length > 64)
    throw new TypeError(`names is ${JSON.stringify(names)}; its first must have 1 to 64 characters`);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const signer = issuer === undefined ? { subject, privateKey, spki } : readIssuer(issuer);

  const body = sequence(
    // Version 3.
    explicit(0, whole(Buffer.from([2]))),
    // Positive and 20 bytes at most.
    whole(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    distinguishedName(signer.subject),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(subject),
    spki,
    explicit(3, sequence(...extensions(names, isCa, spki, signer.spki))),
  );
  const signature = sign('sha256', body, signer.privateKey);
  const certificate = sequence(body, ecdsaWithSha256, bits(signature));
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function readIssuer({ cert, key }: Certificate) {
  const { subject, publicKey } = new X509Certificate(cert);
  return {
    // One common name, as all that are made here.
    subject: subject.replace(/^CN=/, ''),
    privateKey: createPrivateKey(key),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

function extensions(names: readonly string[], isCa: boolean, spki: Buffer, issuerSpki: Buffer): Buffer[] {
  const critical = true;
  // Bit 5 and 6: signs certificates and their revocation lists. Bit 0: signs.
  const usage = isCa ? bits(Buffer.from([0b0000_0110]), 1) : bits(Buffer.from([0b1000_0000]), 7);
  return [
    extension('2.5.29.19', sequence(...(isCa ? [flag(true)] : [])), critical),
    extension('2.5.29.15', usage, critical),
    extension('2.5.29.14', bytes(keyId(spki))),
    extension('2.5.29.35', sequence(context(0, keyId(issuerSpki)))),
    ...(isCa
      ? []
      : [
          // Servers and clients.
          extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
          extension('2.5.29.17', sequence(...names.map(generalName))),
        ]),
  ];
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [flag(true)] : []), bytes(value));
}

/** DNS names are [2], addresses [7] (RFC 5280 §4.2.1.6). */
function generalName(name: string): Buffer {
  return isIP(name) === 0 ? context(2, Buffer.from(name, 'latin1')) : context(7, addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // WHATWG URLs spell IPv6 one way: hexadecimal groups, at most one `::`, never dots.
  const [left = '', right] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [front, back] = [groups(left), groups(right ?? '')];
  const all = [...front, ...Array(8 - front.length - back.length).fill('0'), ...back];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), text(commonName))));
}

/** SHA-1 of the bare key (RFC 5280 §4.2.1.2): a name for it, not a safeguard. On P-256 the key is the last 65 bytes. */
function keyId(spki: Buffer): Buffer {
  return createHash('sha1').update(spki.subarray(-65)).digest();
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
