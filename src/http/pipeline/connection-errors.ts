// Requests that never become one: what Node's parser refuses or gives up waiting for is answered with a problem too, straight
// onto the socket, and the connection ends.

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ProblemCode } from '../../base/errors.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../events/ids.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { GatedResponse } from './gated-response.ts';
import { problemBody, problemType } from './problem.ts';

/** After the answer, the client's last bytes are thrown away for this long; closing at once could reset the connection. */
const lingerMs = 1_000;

/** Makes the listener for `clientError`. */
export function makeClientErrorHandler(
  logger: Logger,
  metrics: Metrics,
): (error: Error & { code?: string }, socket: Duplex) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const current = answerInProgress(socket);
    if (current?.headersSent === true) {
      // Bytes of a half-sent answer and of a problem must not mix.
      socket.destroy();
      return;
    }
    const problem = problemOf(error);
    const requestId = current === undefined || current.requestId === '' ? makeId('req') : current.requestId;
    // The answer's own record (request-record.ts) tells the rest, if there was a request.
    if (current === undefined) metrics.observeRequest('(unparsed)', '(unparsed)', problem.status, 0);
    logger.info({ requestId, status: problem.status, code: problem.code, cause: error.code }, 'refused');
    endWithProblem(socket, problem, requestId);
  };
}

/**
 * The answer that a socket is in the midst of. Node keeps it under this name since 0.1; a map of our own would cost each request
 * something for what only broken ones need. Should the name ever change, a half-sent answer is followed by a problem.
 */
export function answerInProgress(socket: Duplex): GatedResponse | undefined {
  const answer = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return answer instanceof GatedResponse && !answer.writableFinished ? answer : undefined;
}

/** Writes a whole answer onto a socket that has no request, and ends the connection. */
export function endWithProblem(socket: Duplex, problem: CodeBuddyError, requestId: string): void {
  const body = problemBody(problem, requestId);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Error'}`,
      `Date: ${new Date().toUTCString()}`,
      `X-Request-Id: ${requestId}`,
      `Content-Type: ${problemType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Cache-Control: no-store',
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
      'X-Frame-Options: DENY',
      'Referrer-Policy: no-referrer',
      'X-Content-Type-Options: nosniff',
      ...Object.entries(problem.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  socket.removeAllListeners('data');
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
}

const codes: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers are over 16 KiB'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'The chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request came too slowly'],
  HPE_INVALID_METHOD: ['bad_request', 'The method is unknown'],
  HPE_INVALID_URL: ['invalid_url', 'The request target is malformed'],
  HPE_INVALID_HEADER_TOKEN: ['invalid_header', 'A header is malformed'],
  HPE_UNEXPECTED_CONTENT_LENGTH: [
    'invalid_header',
    'Content-Length is repeated or contradicts Transfer-Encoding',
  ],
  HPE_INVALID_CONTENT_LENGTH: ['invalid_header', 'Content-Length is not a number'],
  HPE_INVALID_TRANSFER_ENCODING: ['invalid_header', 'Transfer-Encoding is malformed'],
  HPE_INVALID_CHUNK_SIZE: ['invalid_body', 'The chunks of the body are malformed'],
  HPE_INVALID_EOF_STATE: ['bad_request', 'The request was cut off'],
};

function problemOf(error: Error & { code?: string }): CodeBuddyError {
  const [code, detail] = codes[error.code ?? ''] ?? ['bad_request', 'The request is not valid HTTP'];
  return new CodeBuddyError(code, detail, { cause: error });
}
