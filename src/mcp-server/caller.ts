// The caller of an MCP request: its key, and what belongs to the HTTP request that carries the message.

import { CodeBuddyError } from '../base/errors.ts';
import type { Scope } from '../contract/api-key.ts';

export interface CallerFacts {
  /** Null on a server without keys. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** True with the scope `tools`. */
  readonly mayUseTools: boolean;
  readonly requestId: string;
  /** How many webhook requests of this server led to the request. */
  readonly hop: number;
  /** Aborts when the client disconnects before the answer. */
  readonly signal: AbortSignal;
}

/** A class, so that it can be recognized among the values that the SDK passes on untyped. */
export class Caller {
  readonly facts: CallerFacts;

  constructor(facts: CallerFacts) {
    this.facts = facts;
  }

  may(scope: Scope): boolean {
    return this.facts.scopes.includes(scope);
  }

  /** @throws CodeBuddyError `insufficient_scope` */
  require(scope: Scope, what: string): void {
    if (this.may(scope)) return;
    throw new CodeBuddyError('insufficient_scope', `${what} requires an API key with the scope "${scope}".`);
  }
}
