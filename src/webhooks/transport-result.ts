// The result of one request: an answer, or the reason why there is none. The reasons appear in attempts, metrics and
// docs.

export type FailureReason =
  | 'timeout'
  | 'connect_timeout'
  | 'connection_refused'
  | 'connection_closed'
  /** This machine cannot reach the target: no network, no IPv6, no route, or a local firewall. */
  | 'network_unreachable'
  | 'name_not_found'
  | 'name_timeout'
  | 'name_failed'
  | 'certificate_invalid'
  | 'tls_failed'
  | 'http2_only'
  | 'bad_response'
  | 'target_refused'
  /** The HTTP proxy of the settings cannot be reached, or refuses. */
  | 'proxy_failed'
  /** The files of the webhook's `tls` cannot be used now. */
  | 'client_certificate_unusable'
  | 'send_failed'
  /** This process can send nothing: no file handles, no memory. */
  | 'local_fault';

export type TransportResult =
  | {
      readonly kind: 'answer';
      readonly statusCode: number;
      readonly headers: ReceiverHeaders;
      /** First 4 KiB of the body, as UTF-8. */
      readonly excerpt: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'failure';
      readonly reason: FailureReason;
      readonly message: string;
      readonly durationMs: number;
    };

/** The headers of an answer that are used. */
export interface ReceiverHeaders {
  readonly retryAfter: string | undefined;
  readonly deliveryControl: string | undefined;
  readonly date: string | undefined;
  readonly location: string | undefined;
}

/** An error with the reason for the attempt. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export const http2Only =
  'The receiver accepts only HTTP/2, but webhooks are sent over HTTP/1.1: let it, or the proxy in front of it, accept HTTP/1.1 too';

const byCode: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_closed',
  EPIPE: 'connection_closed',
  UND_ERR_SOCKET: 'connection_closed',
  UND_ERR_CLOSED: 'connection_closed',
  UND_ERR_DESTROYED: 'connection_closed',
  ETIMEDOUT: 'connect_timeout',
  EPROTO: 'tls_failed',
  UND_ERR_HEADERS_OVERFLOW: 'bad_response',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_response',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'http2_only',
  // This machine cannot reach this target; others may be reachable.
  EHOSTUNREACH: 'network_unreachable',
  EHOSTDOWN: 'network_unreachable',
  ENETUNREACH: 'network_unreachable',
  ENETDOWN: 'network_unreachable',
  EADDRNOTAVAIL: 'network_unreachable',
  EADDRINUSE: 'network_unreachable',
  EAFNOSUPPORT: 'network_unreachable',
  EPROTONOSUPPORT: 'network_unreachable',
  EINVAL: 'network_unreachable',
  ENOBUFS: 'network_unreachable',
  EACCES: 'network_unreachable',
  EPERM: 'network_unreachable',
  // No handles or no memory: this process can make no request.
  EMFILE: 'local_fault',
  ENFILE: 'local_fault',
  ENOMEM: 'local_fault',
};

// OpenSSL's codes for a certificate that cannot be trusted. UNSPECIFIED: a fault that Node has no code for.
const certificateCode =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERR_TLS_CERT_|UNSPECIFIED$)/;

/** The reason that an error of Node or undici stands for. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof TransportError) return error.reason;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = byCode[code];
  if (known !== undefined) return known;
  if (certificateCode.test(code)) return 'certificate_invalid';
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls_failed';
  // llhttp's errors carry a code only where it has one.
  const isParserError = error instanceof Error && error.name === 'HTTPParserError';
  if (isParserError || code.startsWith('HPE_') || code === 'ERR_ASSERTION') return 'bad_response';
  if (error instanceof AggregateError) return reasonOf(tellingOf(error));
  return 'send_failed';
}

/**
 * The most telling of the errors at the addresses of one name: a receiver that does not answer at one address says more
 * than an address that this machine cannot reach.
 */
export function tellingOf({ errors }: AggregateError): unknown {
  const all: readonly unknown[] = errors;
  return (
    all.find((error) => reasonOf(error) === 'local_fault') ??
    all.findLast((error) => reasonOf(error) !== 'network_unreachable') ??
    all.at(-1)
  );
}
