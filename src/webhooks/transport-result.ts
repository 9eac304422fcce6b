// What came of one request: an answer, or the reason why there is none. The words are those of attempts, metrics and docs.

export type FailureReason =
  | 'timeout'
  | 'connect_timeout'
  | 'connection_refused'
  | 'connection_closed'
  | 'network_unreachable'
  | 'name_not_found'
  | 'name_timeout'
  | 'name_failed'
  | 'certificate_invalid'
  | 'tls_failed'
  | 'bad_response'
  | 'target_refused'
  /** The HTTP proxy of the settings cannot be reached, or refuses. */
  | 'proxy_failed'
  | 'send_failed'
  /** Nothing was sent, and the receiver is not to blame. */
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

/** The headers that mean something to us. */
export interface ReceiverHeaders {
  readonly retryAfter: string | undefined;
  readonly deliveryControl: string | undefined;
  readonly date: string | undefined;
  readonly location: string | undefined;
}

/** An error that knows its reason. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const byCode: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_closed',
  EPIPE: 'connection_closed',
  UND_ERR_SOCKET: 'connection_closed',
  UND_ERR_CLOSED: 'connection_closed',
  UND_ERR_DESTROYED: 'connection_closed',
  ETIMEDOUT: 'connect_timeout',
  EHOSTUNREACH: 'network_unreachable',
  EHOSTDOWN: 'network_unreachable',
  ENETUNREACH: 'network_unreachable',
  EPROTO: 'tls_failed',
  UND_ERR_HEADERS_OVERFLOW: 'bad_response',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_response',
  // Ours: no handles, no memory, no ports, no network card.
  EMFILE: 'local_fault',
  ENFILE: 'local_fault',
  ENOBUFS: 'local_fault',
  ENOMEM: 'local_fault',
  EADDRNOTAVAIL: 'local_fault',
  ENETDOWN: 'local_fault',
  EACCES: 'local_fault',
  EPERM: 'local_fault',
};

// OpenSSL's words for a certificate that cannot be trusted; UNSPECIFIED: one that Node has no word for.
const certificateCode =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERR_TLS_CERT_|UNSPECIFIED$)/;

/** The reason in an error of Node or undici. */
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
  // An address list that failed one after the other: what the last one met.
  if (error instanceof AggregateError) return reasonOf(error.errors.at(-1));
  return 'send_failed';
}
