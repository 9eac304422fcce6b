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
  /** True with the local key, or the key of the server's settings: whoever has it can change the settings, too. */
  readonly isOwner: boolean;
}

/** The ids of keys that no client has created. */
const ownerKeys = /^(local|environment|configured(-\d+)?)$/;

/** The caller of a request. */
export function callerOf(request: FastifyRequest): RequestCaller {
  const { identity } = factsOf(request);
  const held = identity?.scopes ?? scopes;
  const keyId = identity?.keyId ?? null;
  return {
    keyId,
    scopes: held,
    mayUseTools: held.includes('tools'),
    isOwner: keyId !== null && ownerKeys.test(keyId),
  };
}
