// Whether a client asked for a stream: `Accept` by quality (RFC 9110 §12.5.1), of the two forms that we have.

import type { FastifyRequest } from 'fastify';

/** Whether the request asks for a stream. */
export function wantsEventStream({ headers }: FastifyRequest): boolean {
  return acceptsEventStream(headers.accept);
}

/** True if `Accept` names `text/event-stream`, at least as gladly as JSON. A mere wildcard never asks for a stream. */
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
