// Connects to a webhook's origin. Every connection goes to an address that the guard has judged, literals included; the
// system's resolver and proxies from the environment are not used. The proxy of the settings is given an address, not a
// name.

import { isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { WebhookTls } from '../contract/webhook-tls.ts';
import { classifyAddress, unmapped } from './address-class.ts';
import { readClientTls } from './client-tls.ts';
import type { NameLookup } from './name-lookup.ts';
import { type OpenTcpOptions, openTcp } from './open-tcp.ts';
import { openTunnel } from './proxy-tunnel.ts';
import { http2Only, reasonOf, TransportError } from './transport-result.ts';
import type { UrlGuard } from './url-guard.ts';

export interface ConnectorOptions {
  readonly guard: Pick<UrlGuard, 'judge'>;
  readonly names: Pick<NameLookup, 'resolve'>;
  /** PEM certificates of additional trusted authorities. */
  readonly ca: string | undefined;
  /** An HTTP proxy that carries all connections but those to loopback. @default none */
  readonly proxy?: URL | undefined;
}

export interface ConnectTarget {
  readonly origin: URL;
  /** Of the webhook. */
  readonly tls?: WebhookTls;
  /** Of the whole attempt. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type Connector = (target: ConnectTarget) => Promise<Socket>;

/** TCP and TLS may each take the webhook's timeout less `restMs`, but at least `minStepMs`. */
const minStepMs = 5000;
const restMs = 10_000;

export function createConnector({ guard, names, ca, proxy }: ConnectorOptions): Connector {
  /** Created once: it contains every authority that Node trusts. */
  let common: SecureContext | undefined;

  return async ({ origin, tls, timeoutMs, signal }) => {
    // The URL standard keeps IPv6 literals in brackets.
    const hostname = unmapped(origin.hostname.replace(/^\[|\]$/g, ''));
    const isTls = origin.protocol === 'https:';
    const port = origin.port === '' ? (isTls ? 443 : 80) : Number(origin.port);
    const found = isIP(hostname) === 0 ? await names.resolve(hostname, signal) : [hostname];
    const addresses = found.map(unmapped);
    const refusal = guard.judge({ protocol: origin.protocol, hostname, port }, addresses);
    if (refusal !== undefined) throw new TransportError('target_refused', refusal);
    signal.throwIfAborted();

    const stepMs = Math.max(minStepMs, timeoutMs - restMs);
    // Before the connection: without its certificate files the webhook must not connect.
    const secureContext = isTls ? secureContextOf(tls) : undefined;
    const plain = await openPlain({ addresses, port, timeoutMs: stepMs, signal });
    if (!isTls) return plain;
    // Certificates have no trailing dot.
    const name = isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : hostname;
    return openTls(plain, { name, secureContext, stepMs, signal });
  };

  function openPlain(options: OpenTcpOptions): Promise<Socket> {
    const { addresses, port, timeoutMs, signal } = options;
    const [first] = addresses;
    // A proxy cannot reach this machine's loopback.
    if (proxy === undefined || first === undefined || classifyAddress(first).kind === 'loopback')
      return openTcp(options);
    return openTunnel(proxy, { address: first, port }, (socket, event) =>
      ready(socket, event, timeoutMs, signal, () => {
        const what = event === 'tunnel' ? 'No tunnel through the proxy' : 'No connection to the proxy';
        return new TransportError('connect_timeout', `${what} within ${timeoutMs} ms`);
      }),
    );
  }

  /** Undefined: the authorities that Node trusts, and no client certificate. */
  function secureContextOf(tls: WebhookTls | undefined): SecureContext | undefined {
    if (tls !== undefined) return makeSecureContext(tls);
    common ??= makeSecureContext(undefined);
    return common;
  }

  function makeSecureContext(tls: WebhookTls | undefined): SecureContext | undefined {
    const { cert, key, ca: ownCa } = tls === undefined ? {} : readClientTls(tls);
    const authorities = [ca, ownCa].filter((pem) => pem !== undefined);
    if (cert === undefined && authorities.length === 0) return undefined;
    try {
      return createSecureContext({
        minVersion: 'TLSv1.2',
        ...(cert === undefined ? {} : { cert, key }),
        ...(authorities.length === 0 ? {} : { ca: trustedWith(authorities) }),
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransportError(
        'client_certificate_unusable',
        `${tls === undefined ? 'webhookCa' : 'The files of tls'} cannot be used: ${why}`,
        {
          cause,
        },
      );
    }
  }
}

interface TlsTarget {
  readonly name: string;
  readonly secureContext: SecureContext | undefined;
  readonly stepMs: number;
  readonly signal: AbortSignal;
}

async function openTls(plain: Socket, { name, secureContext, stepMs, signal }: TlsTarget): Promise<Socket> {
  const socket = connectTls({
    socket: plain,
    host: name,
    // RFC 6066 §3: no address in SNI.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment has no effect.
    rejectUnauthorized: true,
    ...(secureContext === undefined ? {} : { secureContext }),
  });
  try {
    return await ready(socket, 'secureConnect', stepMs, signal, () => {
      return new TransportError('tls_failed', `No TLS handshake within ${stepMs} ms`);
    });
  } catch (error) {
    if (reasonOf(error) !== 'http2_only') throw error;
    throw new TransportError('http2_only', http2Only, { cause: error });
  }
}

/** Resolves when the socket is ready. Destroys it if it is too late, fails, or `signal` is aborted. */
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
      // The 'error' listener stays, without effect: until undici adds its own, and below TLS, an error must not end the
      // process.
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

let systemAuthorities: readonly string[] | undefined;

/** The option `ca` replaces Node's own list, so that list is included. */
function trustedWith(authorities: readonly string[]): string[] {
  systemAuthorities ??= getCACertificates('default');
  return [...systemAuthorities, ...authorities];
}
