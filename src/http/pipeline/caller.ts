// Whose rights a request has: those of its key, at this moment. On a server without keys everybody may do everything.

import type { FastifyRequest } from 'fastify';
import { type Scope, scopes } from '../../contract/api-key.ts';
import { factsOf } from './request-facts.ts';

export interface RequestCaller {
  /** Null on a server without keys. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** The scope `tools`: the caller may let tools run unasked. */
  readonly mayUseTools: boolean;
}

export function callerOf(request: FastifyRequest): RequestCaller {
  const { identity } = factsOf(request);
  const held = identity?.scopes ?? scopes;
  return { keyId: identity?.keyId ?? null, scopes: held, mayUseTools: held.includes('tools') };
}
