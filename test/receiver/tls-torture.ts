// Receivers whose fault is in their TLS, each on a port of its own: certificates that must not be believed, handshakes that go wrong or
// nowhere. A sender that gives its request to any of them but `ok` and `reset-after` has been fooled; `requests` tells.

import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { listen } from '../../src/receiver/torture.ts';
import { wrapSocket } from '../../src/receiver/torture-socket.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { startConnectTorture } from './connect-torture.ts';

export const tlsBehaviours = {
  ok: 'nothing is wrong, for whoever trusts the authority',
  'self-signed': 'a certificate that signed itself',
  'wrong-name': 'a certificate for another name',
  expired: 'a certificate that ended yesterday',
  'not-yet-valid': 'a certificate that begins tomorrow',
  'unknown-authority': 'a certificate of an authority that nobody knows',
  'client-certificate': 'asks for a certificate of the sender',
  'tls-1.0': 'speaks TLS 1.0 and nothing later',
  drip: 'shakes hands at one byte every 200 ms',
  'reset-after': 'resets the connection after the handshake',
  silent: 'takes the connection and says nothing',
  reset: 'resets the connection at once',
  close: 'closes the connection at once',
  garbage: 'bytes that mean nothing',
  http: 'speaks plain HTTP',
  ssh: 'speaks SSH',
} as const;

export type TlsBehaviour = keyof typeof tlsBehaviours;

export interface TlsTortureOptions {
  /** An address; the certificates are for it and for `localhost`. @default '127.0.0.1' */
  readonly host?: string;
}

export interface TlsTorture {
  /** PEM of the authority whose word makes `ok` right. */
  readonly ca: string;
  /** `https://127.0.0.1:PORT/` */
  url(behaviour: TlsBehaviour): string;
  /** How many requests came through its TLS. */
  requests(behaviour: TlsBehaviour): number;
  close(): Promise<void>;
}

interface Host {
  readonly port: number;
  requests(): number;
  close(): Promise<void>;
}

const dayMs = 86_400_000;

/** Starts all of them, on free ports. */
export async function startTlsTorture({ host = '127.0.0.1' }: TlsTortureOptions = {}): Promise<TlsTorture> {
  const ca = await makeCertificate({ names: ['Torture authority'], isCa: true });
  const names = ['localhost', host] as const;
  const right = await makeCertificate({ names, issuer: ca });
  const from = (start: number) => ({ notBefore: new Date(start), notAfter: new Date(start + dayMs) });
  const now = Date.now();
  const nobody = await makeCertificate({ names: ['Nobody'], isCa: true });
  const secure = (certificate: Certificate, options?: TlsOptions) => startHttps(host, certificate, options);
  const plain = async (behaviour: Parameters<typeof startConnectTorture>[0]): Promise<Host> => ({
    ...(await startConnectTorture(behaviour, host)),
    requests: () => 0,
  });

  const starting: Readonly<Record<TlsBehaviour, Promise<Host>>> = {
    ok: secure(right),
    'self-signed': secure(await makeCertificate({ names })),
    'wrong-name': secure(await makeCertificate({ names: ['elsewhere.example'], issuer: ca })),
    expired: secure(await makeCertificate({ names, issuer: ca, ...from(now - 2 * dayMs) })),
    'not-yet-valid': secure(await makeCertificate({ names, issuer: ca, ...from(now + dayMs) })),
    'unknown-authority': secure(await makeCertificate({ names, issuer: nobody })),
    'client-certificate': secure(right, { requestCert: true, rejectUnauthorized: true, ca: ca.cert }),
    // OpenSSL lets TLS 1.0 through at this level only.
    'tls-1.0': secure(right, { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    drip: startDripping(host, right),
    'reset-after': startHttps(host, right, {}, true),
    silent: plain('silent'),
    reset: plain('reset'),
    close: plain('close'),
    garbage: plain('garbage'),
    http: plain('http'),
    ssh: plain('ssh'),
  };
  await Promise.all(Object.values(starting));
  const hosts = new Map<string, Host>();
  for (const [behaviour, started] of Object.entries(starting)) hosts.set(behaviour, await started);

  const find = (behaviour: TlsBehaviour): Host => {
    const found = hosts.get(behaviour);
    if (found === undefined) throw new TypeError(`there is no behaviour ${behaviour}`);
    return found;
  };
  return {
    ca: ca.cert,
    url: (behaviour) => `https://${host.includes(':') ? `[${host}]` : host}:${find(behaviour).port}/`,
    requests: (behaviour) => find(behaviour).requests(),
    async close() {
      await Promise.all([...hosts.values()].map((started) => started.close()));
    },
  };
}

async function startHttps(
  host: string,
  { cert, key }: Certificate,
  options: TlsOptions = {},
  resets = false,
): Promise<Host> {
  let count = 0;
  const server = createHttpsServer({ cert, key, ...options }, (request, response) => {
    count++;
    request.on('error', () => response.destroy()).resume();
    response.end('ok');
  });
  // Most senders leave in the middle, as they should.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const open = track(server);
  if (resets) {
    server.on('secureConnection', ({ remotePort }) => {
      // TLS sockets cannot reset; the one below can.
      for (const socket of open) if (socket.remotePort === remotePort) socket.resetAndDestroy();
    });
  }
  await listen(server, 0, host);
  return hostOf(server, open, () => count);
}

/** In front of a host with nothing wrong: what that says goes on byte by byte. */
async function startDripping(host: string, certificate: Certificate): Promise<Host> {
  const inner = await startHttps(host, certificate);
  const server = createServer((socket) => {
    const wrapped = wrapSocket(socket);
    const below = connect(inner.port, host);
    const said: number[] = [];
    below.on('data', (chunk) => said.push(...chunk)).on('error', () => socket.destroy());
    socket.pipe(below);
    socket.once('close', () => below.destroy());
    wrapped.every(200, () => {
      const next = said.shift();
      if (next !== undefined) wrapped.write(Buffer.from([next]));
    });
  });
  const open = track(server);
  await listen(server, 0, host);
  const outer = hostOf(server, open, inner.requests);
  return {
    ...outer,
    async close() {
      await outer.close();
      await inner.close();
    },
  };
}

function track(server: Server): Set<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    // Whatever goes wrong, it is the sender's own doing.
    socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket));
  });
  return open;
}

function hostOf(server: Server, open: ReadonlySet<Socket>, requests: () => number): Host {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The receiver has no port');
  return {
    port: address.port,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
