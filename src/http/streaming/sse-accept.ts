// Content negotiation: does the client want a stream or JSON? Compares the qualities in `Accept` (RFC 9110 §12.5.1).

import type { FastifyRequest } from 'fastify';

/** True if the request asks for a stream. */
export function wantsEventStream({ headers }: FastifyRequest): boolean {
  return acceptsEventStream(headers.accept);
}

/**
 * True if `Accept` names `text/event-stream` with at least the quality of JSON. A wildcard alone never asks for a
 * stream.
 */
export function acceptsEventStream(accept: string | undefined): boolean {
  if (accept === undefined || !accept.toLowerCase().includes('text/event-stream')) return false;
  let stream = 0;
  let json = 0;
  for (const part of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim());
    const given = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = given === undefined ? 1 : Number(given.slice(2)) || 0;
    if (type === 'text/event-stream') stream = Math.max(stream, quality);
    if (type === 'application/json') json = Math.max(json, quality);
  }
  return stream > 0 && stream >= json;
}
