// The caller of a request: the identity and the current scopes of its API key. On a server without keys every caller
// has all scopes.

import type { FastifyRequest } from 'fastify';
import { type Scope, scopes } from '../../contract/api-key.ts';
import { factsOf } from './request-facts.ts';

export interface RequestCaller {
  /** Null on a server without keys. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** True with the scope `tools`: the caller may let tools run without approval. */
  readonly mayUseTools: boolean;
}

/** The caller of a request. */
export function callerOf(request: FastifyRequest): RequestCaller {
  const { identity } = factsOf(request);
  const held = identity?.scopes ?? scopes;
  return { keyId: identity?.keyId ?? null, scopes: held, mayUseTools: held.includes('tools') };
}
