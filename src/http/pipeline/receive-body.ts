// Takes the body off the wire, counting while it comes. In place of Fastify's content type parsers, which cost a tenth of a
// request's whole time (an AsyncResource, three caches and a copy of the bytes for each body; bench/http.ts).

import type { IncomingMessage } from 'node:http';
import { CodeBuddyError } from '../../base/errors.ts';
import { parseBody } from './parse-body.ts';

/**
 * Reads and parses the body of `request`; an empty one is undefined. Calls `done` once.
 * Errors: `body_too_large` (at once, if Content-Length says so), `invalid_body`, `client_closed_request`
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (error: CodeBuddyError | undefined, body: unknown) => void,
): void {
  if (Number(request.headers['content-length']) > maxBytes) {
    done(tooLarge(maxBytes), undefined);
    return;
  }
  let first: Buffer | undefined;
  let more: Buffer[] | undefined;
  let length = 0;
  let isDone = false;

  const finish = (error: CodeBuddyError | undefined, body: unknown): void => {
    if (isDone) return;
    isDone = true;
    done(error, body);
  };
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (isDone) return;
    if (length > maxBytes) {
      first = undefined;
      more = undefined;
      finish(tooLarge(maxBytes), undefined);
    } else if (first === undefined) first = chunk;
    else if (more === undefined) more = [first, chunk];
    else more.push(chunk);
  });
  request.on('end', () => {
    if (isDone) return;
    let body: unknown;
    try {
      // Most bodies come in one piece, which needs no copy: text is made of it at once.
      if (first !== undefined) body = parseBody(more === undefined ? first : Buffer.concat(more, length));
    } catch (error) {
      if (!(error instanceof CodeBuddyError)) throw error;
      finish(error, undefined);
      return;
    }
    finish(undefined, body);
  });
  // An early end of the connection; what was meant to come never will.
  request.on('error', (cause: Error) => {
    finish(
      new CodeBuddyError('client_closed_request', 'The client went away in mid-body', { cause }),
      undefined,
    );
  });
}

function tooLarge(maxBytes: number): CodeBuddyError {
  return new CodeBuddyError('body_too_large', `The body is over the limit of ${maxBytes} bytes`);
}
