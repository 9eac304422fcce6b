// From a webhook's origin to a socket. The addresses that are judged are the addresses that are connected to, on every connection, literals
// included; the system's resolver and proxies from the environment have no say. A proxy of the settings is told the address, not the name.

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, getCACertificates } from 'node:tls';
import { classifyAddress } from './address-class.ts';
import type { NameLookup } from './name-lookup.ts';
import { openTunnel } from './proxy-tunnel.ts';
import { TransportError } from './transport-result.ts';
import type { UrlGuard } from './url-guard.ts';

export interface ConnectorOptions {
  readonly guard: Pick<UrlGuard, 'judge'>;
  readonly names: Pick<NameLookup, 'resolve'>;
  /** PEM certificates of further authorities that are trusted. */
  readonly ca: string | undefined;
  /** An HTTP proxy that carries all connections but those to loopback. @default none */
  readonly proxy?: URL | undefined;
  /** @default 5000 */
  readonly connectTimeoutMs?: number;
  /** @default 5000 */
  readonly tlsTimeoutMs?: number;
}

export type Connector = (origin: URL, signal: AbortSignal) => Promise<Socket>;

export function createConnector({
  guard,
  names,
  ca,
  proxy,
  connectTimeoutMs = 5000,
  tlsTimeoutMs = 5000,
}: ConnectorOptions): Connector {
  return async (origin, signal) => {
    // WHATWG keeps IPv6 literals in brackets; a trailing dot is part of a name but of no certificate.
    const hostname = origin.hostname.replace(/^\[|\]$/g, '');
    const isTls = origin.protocol === 'https:';
    const port = origin.port === '' ? (isTls ? 443 : 80) : Number(origin.port);
    const addresses = isIP(hostname) === 0 ? await names.resolve(hostname, signal) : [hostname];
    const refusal = guard.judge({ protocol: origin.protocol, hostname, port }, addresses);
    if (refusal !== undefined) throw new TransportError('target_refused', refusal);
    signal.throwIfAborted();

    const plain = await openPlain(addresses, port, signal);
    if (!isTls) return plain;
    return openTls(plain, isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : hostname, signal);
  };

  function openPlain(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
    const [first] = addresses;
    // A proxy cannot reach this machine's loopback.
    if (proxy === undefined || first === undefined || classifyAddress(first).kind === 'loopback')
      return openTcp(addresses, port, connectTimeoutMs, signal);
    return openTunnel(proxy, { address: first, port }, (socket, event) =>
      ready(socket, event, connectTimeoutMs, signal, () => {
        const what = event === 'tunnel' ? 'No tunnel through the proxy' : 'No connection to the proxy';
        return new TransportError('connect_timeout', `${what} within ${connectTimeoutMs} ms`);
      }),
    );
  }

  function openTls(plain: Socket, name: string, signal: AbortSignal): Promise<Socket> {
    const socket = connectTls({
      socket: plain,
      host: name,
      // RFC 6066 §3: no address in SNI.
      ...(isIP(name) === 0 ? { servername: name } : {}),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Said explicitly: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing here.
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca: trustedWith(ca) }),
    });
    return ready(socket, 'secureConnect', tlsTimeoutMs, signal, () => {
      return new TransportError('tls_failed', `No TLS handshake within ${tlsTimeoutMs} ms`);
    });
  }
}

async function openTcp(
  addresses: readonly string[],
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const [first] = addresses;
  if (first === undefined) throw new TransportError('name_not_found', 'The name has no address');
  const socket =
    addresses.length === 1
      ? connectTcp({ host: first, port, noDelay: true })
      : connectTcp({
          // Node tries the judged addresses in turn (RFC 8305), and no others.
          host: 'receiver.invalid',
          port,
          noDelay: true,
          autoSelectFamily: true,
          lookup: (_name, _options, callback) =>
            callback(
              null,
              addresses.map((address) => ({ address, family: isIP(address) })),
            ),
        });
  await ready(socket, 'connect', timeoutMs, signal, () => {
    return new TransportError('connect_timeout', `No connection within ${timeoutMs} ms`);
  });
  const { remoteAddress } = socket;
  if (remoteAddress === undefined || !addresses.some((address) => isSame(address, remoteAddress))) {
    socket.destroy();
    throw new TransportError('target_refused', `Connected to ${remoteAddress}, which was not asked for`);
  }
  return socket;
}

/** Resolves when the socket is ready; destroys it when it is not in time, fails, or is not wanted any more. */
function ready(
  socket: Socket,
  event: 'connect' | 'secureConnect' | 'tunnel',
  timeoutMs: number,
  signal: AbortSignal,
  tooLate: () => Error,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.off(event, succeed).off('close', closed);
      // The listener for 'error' stays, deaf: until undici has its own, and under TLS, an error must not end the process.
      if (error === undefined) resolve(socket);
      else {
        socket.destroy();
        reject(error);
      }
    };
    const succeed = (): void => settle(undefined);
    const closed = (): void => settle(new TransportError('connection_closed', 'Closed before it was ready'));
    const abort = (): void => settle(signal.reason instanceof Error ? signal.reason : tooLate());
    const timer = setTimeout(() => settle(tooLate()), timeoutMs);
    socket.once(event, succeed).on('error', settle).once('close', closed);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

/** `::ffff:127.0.0.1` is how a dual-stack socket names 127.0.0.1; IPv6 has many spellings. */
function isSame(left: string, right: string): boolean {
  return plain(left) === plain(right);
}

function plain(address: string): string {
  const inner = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (inner !== undefined) return inner;
  return isIP(address) === 6 ? new URL(`http://[${address.split('%', 1)[0]}]/`).hostname : address;
}

let systemAuthorities: readonly string[] | undefined;

/** `ca` replaces Node's own list, so that is passed along. */
function trustedWith(ca: string): string[] {
  systemAuthorities ??= getCACertificates('default');
  return [...systemAuthorities, ca];
}
