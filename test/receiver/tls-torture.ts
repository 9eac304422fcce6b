// Receivers with faulty TLS, each on its own port: certificates that must not be trusted, and handshakes that fail or
// never end. Only `ok` and `reset-after` may get a request; `requests` counts them.

import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { listen } from '../../src/receiver/torture.ts';
import { wrapSocket } from '../../src/receiver/torture-socket.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { startConnectTorture } from './connect-torture.ts';

export const tlsBehaviours = {
  ok: 'valid for clients that trust the authority',
  'self-signed': 'a self-signed certificate',
  'wrong-name': 'a certificate for another name',
  expired: 'a certificate that expired yesterday',
  'not-yet-valid': 'a certificate that is valid from tomorrow',
  'unknown-authority': 'a certificate of an unknown authority',
  'client-certificate': 'demands a client certificate',
  'tls-1.0': 'supports TLS 1.0 only',
  drip: 'sends one byte of the handshake every 200 ms',
  'reset-after': 'resets the connection after the handshake',
  silent: 'accepts the connection and sends nothing',
  reset: 'resets the connection at once',
  close: 'closes the connection at once',
  garbage: 'sends meaningless bytes',
  http: 'speaks plain HTTP',
  ssh: 'speaks SSH',
} as const;

export type TlsBehaviour = keyof typeof tlsBehaviours;

export interface TlsTortureOptions {
  /** The address to listen on. The certificates are for it and for `localhost`. @default '127.0.0.1' */
  readonly host?: string;
}

export interface TlsTorture {
  /** The certificate of the authority of `ok`, as PEM. */
  readonly ca: string;
  /** `https://127.0.0.1:PORT/` */
  url(behaviour: TlsBehaviour): string;
  /** The number of requests received. */
  requests(behaviour: TlsBehaviour): number;
  close(): Promise<void>;
}

interface Host {
  readonly port: number;
  requests(): number;
  close(): Promise<void>;
}

const dayMs = 86_400_000;

/** Start all receivers on free ports. */
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
    // OpenSSL allows TLS 1.0 at this level only.
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
  // Most clients leave during the handshake, as they should.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const open = track(server);
  if (resets) {
    server.on('secureConnection', ({ remotePort }) => {
      // A TLS socket cannot reset the connection; the socket below can.
      for (const socket of open) if (socket.remotePort === remotePort) socket.resetAndDestroy();
    });
  }
  await listen(server, 0, host);
  return hostOf(server, open, () => count);
}

/** A proxy that passes on the bytes of a valid receiver one by one. */
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
