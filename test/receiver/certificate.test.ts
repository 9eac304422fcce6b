// Certificates made here against those who judge them: node:tls, and OpenSSL's reading of each field.

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { checkServerIdentity, connect, createServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Certificate, makeCertificate } from '../../src/receiver/certificate.ts';

const dayMs = 86_400_000;
const ca = makeCertificate({ names: ['Test authority'], isCa: true });

/** What a client that trusts `trusted` says of a server with this certificate: `ok`, or the error's code. */
async function judge(certificate: Certificate, servername: string, trusted: readonly string[] = [ca.cert]) {
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (socket) => socket.end());
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.address() as { port: number };
  return new Promise<string>((resolve) => {
    const isAddress = servername.includes(':') || /^[\d.]+$/.test(servername);
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca: [...trusted],
      // SNI holds names only; an address is checked against what was asked for.
      ...(isAddress
        ? { checkServerIdentity: (_host, peer) => checkServerIdentity(servername, peer) }
        : { servername }),
    });
    socket
      .once('secureConnect', () => resolve('ok'))
      .once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
    socket.once('close', () => resolve('closed')).resume();
    onTestFinished(() => void socket.destroy());
  });
}

describe('node:tls', () => {
  it('accepts a leaf of our authority for each of its names and addresses', async () => {
    const leaf = makeCertificate({
      names: ['hook.test', '*.wild.test', '127.0.0.1', '::1', '2001:db8::a:0:1'],
      issuer: ca,
    });
    for (const name of ['hook.test', 'any.wild.test', '127.0.0.1', '::1', '2001:db8::a:0:1'])
      expect(await judge(leaf, name), name).toBe('ok');
  });

  it('refuses a wrong name and a wrong address', async () => {
    const leaf = makeCertificate({ names: ['hook.test', '127.0.0.1'], issuer: ca });
    for (const name of ['other.test', '127.0.0.2', '::1'])
      expect(await judge(leaf, name), name).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('refuses one that is no longer, or not yet, valid', async () => {
    const now = Date.now();
    const old = makeCertificate({
      names: ['hook.test'],
      issuer: ca,
      notBefore: new Date(now - 2 * dayMs),
      notAfter: new Date(now - dayMs),
    });
    const early = makeCertificate({
      names: ['hook.test'],
      issuer: ca,
      notBefore: new Date(now + dayMs),
      notAfter: new Date(now + 2 * dayMs),
    });
    expect(await judge(old, 'hook.test')).toBe('CERT_HAS_EXPIRED');
    expect(await judge(early, 'hook.test')).toBe('CERT_NOT_YET_VALID');
  });

  it('refuses one that signed itself, unless it is trusted; and one of an authority that it does not know', async () => {
    const own = makeCertificate({ names: ['hook.test'] });
    expect(await judge(own, 'hook.test')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(await judge(own, 'hook.test', [own.cert])).toBe('ok');
    const stranger = makeCertificate({ names: ['Stranger'], isCa: true });
    const leaf = makeCertificate({ names: ['hook.test'], issuer: stranger });
    expect(await judge(leaf, 'hook.test')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('refuses a leaf that was signed by a leaf', async () => {
    const leaf = makeCertificate({ names: ['hook.test'], issuer: ca });
    const below = makeCertificate({ names: ['below.test'], issuer: leaf });
    // OpenSSL's "invalid CA certificate", for which Node has no word.
    expect(await judge({ ...below, cert: below.cert + leaf.cert }, 'below.test')).toBe('UNSPECIFIED');
  });

  it('accepts a chain: authority, authority below it, leaf', async () => {
    const below = makeCertificate({ names: ['Below'], isCa: true, issuer: ca });
    const leaf = makeCertificate({ names: ['hook.test'], issuer: below });
    expect(await judge({ ...leaf, cert: leaf.cert + below.cert }, 'hook.test')).toBe('ok');
  });
});

it('says what it was asked to say', () => {
  const leaf = new X509Certificate(
    makeCertificate({
      names: ['hook.test', '10.0.0.1'],
      issuer: ca,
      notBefore: new Date('2026-01-02T03:04:05Z'),
      notAfter: new Date('2051-01-02T03:04:05Z'),
    }).cert,
  );
  const authority = new X509Certificate(ca.cert);
  expect(leaf.subject).toBe('CN=hook.test');
  expect(leaf.issuer).toBe('CN=Test authority');
  expect(leaf.subjectAltName).toBe('DNS:hook.test, IP Address:10.0.0.1');
  expect(leaf.validFromDate.toISOString()).toBe('2026-01-02T03:04:05.000Z');
  expect(leaf.validToDate.toISOString()).toBe('2051-01-02T03:04:05.000Z');
  expect([leaf.ca, authority.ca]).toEqual([false, true]);
  expect(leaf.checkIssued(authority)).toBe(true);
  expect(leaf.verify(authority.publicKey)).toBe(true);
  expect(authority.verify(leaf.publicKey)).toBe(false);
});

it('a hundred of them have a hundred serial numbers, all positive', () => {
  const serials = Array.from(
    { length: 100 },
    () => new X509Certificate(makeCertificate({ names: ['x'] }).cert).serialNumber,
  );
  expect(new Set(serials).size).toBe(100);
  expect(serials.filter((serial) => serial.startsWith('-'))).toEqual([]);
});

it('says what is wrong with names', () => {
  expect(() => makeCertificate({ names: [] })).toThrow('1 to 64 characters');
  expect(() => makeCertificate({ names: ['x'.repeat(65)] })).toThrow('1 to 64 characters');
});
