// Each TLS behaviour, seen by node:tls. A host that must not be trusted gets no request.

import { connect as connectPlain } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { WAIT_LIMIT_MS } from '../wait-for.ts';
import { startTlsTorture, type TlsBehaviour, type TlsTorture, tlsBehaviours } from './tls-torture.ts';

let torture: TlsTorture;
beforeAll(async () => {
  torture = await startTlsTorture();
});
afterAll(() => torture.close());

/**
 * Send a request once the host is trusted. Returns the answer, the code of the error, or `nothing` after the timeout.
 */
function visit({ url, ca }: TlsTorture, behaviour: TlsBehaviour, timeoutMs = WAIT_LIMIT_MS): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url(behaviour)).port), ca: [ca] });
    const finish = (what: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(what);
    };
    const timer = setTimeout(() => finish('nothing'), timeoutMs);
    socket.once('secureConnect', () =>
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'),
    );
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('ok')) finish(answer.split('\r\n')[0] ?? '');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.once('close', () => finish('closed'));
  });
}

const expected: Readonly<Record<TlsBehaviour, string | RegExp>> = {
  ok: 'HTTP/1.1 200 OK',
  'self-signed': 'DEPTH_ZERO_SELF_SIGNED_CERT',
  'wrong-name': 'ERR_TLS_CERT_ALTNAME_INVALID',
  expired: 'CERT_HAS_EXPIRED',
  'not-yet-valid': 'CERT_NOT_YET_VALID',
  'unknown-authority': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'client-certificate': /^(ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED|ECONNRESET|closed)$/,
  'tls-1.0': 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  drip: 'nothing',
  'reset-after': 'ECONNRESET',
  silent: 'nothing',
  reset: 'ECONNRESET',
  close: 'ECONNRESET',
  garbage: /^ERR_SSL_|EPROTO$/,
  http: /^ERR_SSL_|EPROTO$/,
  ssh: /^ERR_SSL_|EPROTO$/,
};

it.each(Object.entries(tlsBehaviours))('%s: %s', async (name) => {
  const behaviour = name as TlsBehaviour;
  const wanted = expected[behaviour];
  const before = torture.requests(behaviour);
  const seen = await visit(torture, behaviour, wanted === 'nothing' ? 300 : undefined);
  if (typeof wanted === 'string') expect(seen).toBe(wanted);
  else expect(seen).toMatch(wanted);
  // In TLS 1.3 a request may travel with the last message of the handshake, before the reset.
  if (behaviour !== 'reset-after')
    expect(torture.requests(behaviour) - before).toBe(behaviour === 'ok' ? 1 : 0);
});

it('tls-1.0 accepts a client that allows TLS 1.0', async () => {
  const port = Number(new URL(torture.url('tls-1.0')).port);
  const protocol = await new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: [torture.ca],
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.once('error', reject);
  });
  expect(protocol).toBe('TLSv1');
});

it('drip sends one byte at a time', async () => {
  const raw = connectPlain(Number(new URL(torture.url('drip')).port), '127.0.0.1');
  const sizes: number[] = [];
  // TLS reads from a socket below its events, so a stream in between records the bytes.
  const between = new Duplex({
    read() {},
    write: (chunk, _encoding, done) => raw.write(chunk, () => done()),
  });
  raw.on('data', (chunk) => {
    sizes.push(chunk.length);
    between.push(chunk);
  });
  const socket = connect({ socket: between, ca: [torture.ca] });
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
    raw.destroy();
  });
  await expect.poll(() => sizes.length).toBeGreaterThanOrEqual(3);
  expect(sizes.slice(0, 3)).toEqual([1, 1, 1]);
});

it('closes with connections open', async () => {
  const own = await startTlsTorture();
  const open = Promise.all((['ok', 'silent', 'drip', 'http'] as const).map((name) => visit(own, name)));
  await visit(own, 'ok');
  await own.close();
  expect(await open).not.toContain('nothing');
  await expect(visit(own, 'ok')).resolves.toBe('ECONNREFUSED');
});
