// What the gate knows about a request before Fastify sees it, kept on the raw request itself: its id, its key, its start.
// Handlers reach it with `factsOf(request)`; an abort signal is made only for those who ask.

import { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from './services.ts';

/** Whose key came with a request. `keyId` is null on an open server. */
export interface Identity {
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
}

/** The class of all requests of our server: fields are set by the gate, in one shape for all. */
export class GatedRequest extends IncomingMessage {
  requestId = '';
  /** Path without the query string. */
  path = '';
  /** `performance.now()` when the headers were complete. */
  startedAt = 0;
  /** Route pattern, `''` until routed. */
  route = '';
  identity: Identity | null = null;
}

/** The gate's facts about a Fastify request. */
export function factsOf(request: FastifyRequest): GatedRequest {
  if (request.raw instanceof GatedRequest) return request.raw;
  throw new TypeError('This request did not come through the gate');
}

/** Aborts when the client goes away before the answer is sent, or when `other` (say, the server's shutdown) aborts. */
export function abortSignalOf(reply: FastifyReply, other?: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const response = reply.raw;
  if (response.destroyed) gone.abort(new Error('The client went away'));
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('The client went away'));
  });
  return other === undefined ? gone.signal : AbortSignal.any([gone.signal, other]);
}
