// The request class of the server. It holds what the gate found out (request id, caller, start time), so handlers can
// read it with `factsOf(request)`.

import { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Span } from '../../base/tracing.ts';
import type { Scope } from '../../contract/api-key.ts';
import type { KeyRates } from '../services.ts';

/** The owner of the request's API key. `keyId` is null on a server without keys. */
export interface Identity {
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** Set if the key has limits. */
  readonly rates?: KeyRates;
  /** Set if the request has this ticket instead of a key. It may open one stream and do nothing else. */
  readonly ticket?: string;
  /** Set if the request has this sign-in code instead of a key. It may sign in and do nothing else. */
  readonly signInCode?: string;
  /** Unix ms. Set if the request has the cookie of a sign-in instead of a key. */
  readonly signedInUntil?: number;
}

/** The gate sets the fields. Defaults give all requests the same shape. */
export class GatedRequest extends IncomingMessage {
  requestId = '';
  /** The path without the query string. */
  path = '';
  /** `performance.now()` when the headers were complete. */
  startedAt = 0;
  /** Route pattern, `''` until routed. */
  route = '';
  identity: Identity | null = null;
  /** True for a request to a route of the OpenAI API: its errors have that form. */
  speaksOpenAi = false;
  /** From `X-CodeBuddy-Hop`: how many webhook requests of this server led to this request. */
  hop = 0;
  /** Null outside of a trace. */
  span: Span | null = null;
}

/** The raw request of a Fastify request. */
export function factsOf(request: FastifyRequest): GatedRequest {
  if (request.raw instanceof GatedRequest) return request.raw;
  throw new TypeError('This request did not come through the gate');
}

/**
 * Creates a signal that aborts when the client disconnects before the answer is sent, or when one of `others` aborts.
 */
export function abortSignalOf(reply: FastifyReply, ...others: readonly AbortSignal[]): AbortSignal {
  const gone = new AbortController();
  const response = reply.raw;
  const leave = (): void => {
    gone.abort(new CodeBuddyError('client_closed_request', 'The client disconnected.'));
  };
  if (response.destroyed && !response.writableFinished) leave();
  response.once('close', () => {
    if (!response.writableFinished) leave();
  });
  return others.length === 0 ? gone.signal : AbortSignal.any([gone.signal, ...others]);
}
