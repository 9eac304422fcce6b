// The interface of the MCP server to its route.

import type { Scope } from '../contract/api-key.ts';

/** A message to the MCP server, with its caller. */
export interface McpRequest {
  /** Those of the protocol. */
  readonly headers: Headers;
  /** The parsed message. */
  readonly body: unknown;
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  readonly mayUseTools: boolean;
  readonly requestId: string;
  readonly hop: number;
  /** Aborts when the client disconnects before the answer. */
  readonly signal: AbortSignal;
}

export interface McpService {
  /** The answer has a JSON body, or a stream of server-sent events. */
  answer(request: McpRequest): Promise<Response>;
}
