// Errors of a connection that has no parsed request: Node's parser refused the bytes, or they came too slowly. Writes a
// problem straight onto the socket and ends the connection.

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ProblemCode } from '../../base/errors.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { GatedResponse } from './gated-response.ts';
import { problemAnswer } from './problem-answer.ts';

/** Discard the client's last bytes for this long after the answer. Closing at once could reset the connection. */
const lingerMs = 1_000;

/** Creates the listener for `clientError`. */
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
      // A problem must not be appended to a partly sent answer.
      socket.destroy();
      return;
    }
    const problem = problemOf(error);
    const requestId = current === undefined || current.requestId === '' ? makeId('req') : current.requestId;
    // If there was a request, its own record (request-record.ts) counts it.
    if (current === undefined) metrics.observeRequest('(unparsed)', '(unparsed)', problem.status, 0);
    logger.info({ requestId, status: problem.status, code: problem.code, cause: error.code }, 'refused');
    endWithProblem(socket, problem, { requestId, speaksOpenAi: current?.req.speaksOpenAi === true });
  };
}

/**
 * The answer that is being sent on a socket. Node has kept it under this name since 0.1; a map of our own would cost
 * every request for the sake of broken ones. If the name ever changes, a partly sent answer is followed by a problem.
 */
export function answerInProgress(socket: Duplex): GatedResponse | undefined {
  const answer = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return answer instanceof GatedResponse && !answer.writableFinished ? answer : undefined;
}

/** Writes a complete problem onto a socket without a request, and ends the connection. */
export function endWithProblem(
  socket: Duplex,
  problem: CodeBuddyError,
  request: { readonly requestId: string; readonly speaksOpenAi: boolean },
): void {
  const { status, contentType, body } = problemAnswer(problem, request);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
      `Date: ${new Date().toUTCString()}`,
      `X-Request-Id: ${request.requestId}`,
      `Content-Type: ${contentType}`,
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
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers are larger than 16 KiB.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'The chunk extensions are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request took too long to arrive.'],
  HPE_INVALID_METHOD: ['bad_request', 'Unknown HTTP method.'],
  HPE_INVALID_URL: ['invalid_url', 'The request target is malformed.'],
  HPE_INVALID_HEADER_TOKEN: ['invalid_header', 'A header is malformed.'],
  HPE_UNEXPECTED_CONTENT_LENGTH: [
    'invalid_header',
    'Content-Length is repeated or conflicts with Transfer-Encoding.',
  ],
  HPE_INVALID_CONTENT_LENGTH: ['invalid_header', 'Content-Length is not a number.'],
  HPE_INVALID_TRANSFER_ENCODING: ['invalid_header', 'Transfer-Encoding is malformed.'],
  HPE_INVALID_CHUNK_SIZE: ['invalid_body', 'The chunked encoding of the body is malformed.'],
  HPE_INVALID_EOF_STATE: ['bad_request', 'The request ended early.'],
};

function problemOf(error: Error & { code?: string }): CodeBuddyError {
  const [code, detail] = codes[error.code ?? ''] ?? ['bad_request', 'The request is not valid HTTP.'];
  return new CodeBuddyError(code, detail, { cause: error });
}
