// The MCP server, with the SDK of the protocol, which speaks its revisions. The HTTP server has checked host, origin and
// key before; the SDK checks none of them. Nothing is kept between two requests.

import { createMcpHandler } from '@modelcontextprotocol/server';
import { Caller, type CallerFacts } from './caller.ts';
import { createServerFactory, type ServerFactoryOptions } from './server-factory.ts';

/** A request to the MCP server. */
export interface McpRequest extends CallerFacts {
  /** Those of the protocol. */
  readonly headers: Headers;
  /** The parsed message. */
  readonly body: unknown;
}

export interface McpDoor {
  /** The answer has a JSON body, or a stream of server-sent events. */
  answer(request: McpRequest): Promise<Response>;
}

/** The protocol reads no part of it. */
const url = 'http://localhost/mcp';

export function createMcpDoor(options: ServerFactoryOptions): McpDoor {
  // The HTTP server sends heartbeats on all streams.
  const handler = createMcpHandler(createServerFactory(options), { keepAliveMs: 0 });
  return {
    answer({ headers, body, ...facts }) {
      const caller = new Caller(facts);
      const { keyId, scopes, signal } = facts;
      return handler.fetch(new Request(url, { method: 'POST', headers, signal }), {
        parsedBody: body,
        authInfo: { token: '', clientId: keyId ?? '', scopes: [...scopes], extra: { caller } },
      });
    },
  };
}
