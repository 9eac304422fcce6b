// Certificates for receivers that speak TLS: self-signed, or issued by an authority that a test created.

import { isIP } from 'node:net';
import { generate } from 'selfsigned';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface CertificateOptions {
  /** Host names and IP addresses. The first is the subject; an authority may have any name. */
  readonly names: readonly [string, ...string[]];
  /** @default self-signed */
  readonly issuer?: Certificate;
  /** Whether it may sign other certificates. @default false */
  readonly isCa?: boolean;
  /** @default an hour ago */
  readonly notBefore?: Date;
  /** @default in a day */
  readonly notAfter?: Date;
}

const hourMs = 3_600_000;

/** Create a certificate with an ECDSA key on P-256. */
export async function makeCertificate({
  names,
  issuer,
  isCa = false,
  notBefore = new Date(Date.now() - hourMs),
  notAfter = new Date(Date.now() + 24 * hourMs),
}: CertificateOptions): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: names[0] }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: notBefore,
    notAfterDate: notAfter,
    ...(issuer === undefined ? {} : { ca: issuer }),
    extensions: isCa
      ? [
          { name: 'basicConstraints', cA: true, critical: true },
          { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
        ]
      : [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          {
            name: 'subjectAltName',
            altNames: names.map((name) =>
              isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name },
            ),
          },
        ],
  });
  // A newline at the end, so that certificates can be joined to a chain.
  return { cert: `${cert.trimEnd()}\n`, key };
}
