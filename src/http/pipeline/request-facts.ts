// What the gate knows about a request before Fastify sees it, kept on the raw request itself: its id, its key, its start.
// Handlers reach it with `factsOf(request)`; an abort signal is made only for those who ask.

import { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Scope } from '../../contract/api-key.ts';

/** Whose key came with a request. `keyId` is null on an open server. */
export interface Identity {
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** The request came with this ticket instead of a key: it may open a stream, and nothing else. */
  readonly ticket?: string;
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
  /** Of `X-CodeBuddy-Hop`: how many requests of our own webhooks led to this one. */
  hop = 0;
}

/** The gate's facts about a Fastify request. */
export function factsOf(request: FastifyRequest): GatedRequest {
  if (request.raw instanceof GatedRequest) return request.raw;
  throw new TypeError('This request did not come through the gate');
}

/** Aborts when the client goes away before the answer is sent, or when one of `others` (say, a time-out) aborts. */
export function abortSignalOf(reply: FastifyReply, ...others: readonly AbortSignal[]): AbortSignal {
  const gone = new AbortController();
  const response = reply.raw;
  const leave = (): void => {
    gone.abort(new CodeBuddyError('client_closed_request', 'The client went away'));
  };
  if (response.destroyed && !response.writableFinished) leave();
  response.once('close', () => {
    if (!response.writableFinished) leave();
  });
  return others.length === 0 ? gone.signal : AbortSignal.any([gone.signal, ...others]);
}
