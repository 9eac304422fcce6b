// The entry point `codebuddy-api/client` for browsers, Deno, Bun and edge runtimes. It imports nothing of Node.js.

import { ApiClient } from './client.ts';
import type { CodeBuddyClientOptions } from './client-options.ts';
import { webConnection } from './web-connection.ts';

/**
 * A client for a Code Buddy API server. In a page of the server, it needs no options.
 *
 * @example
 * const client = new CodeBuddyClient({ url: 'https://agent.example.org', apiKey });
 */
export class CodeBuddyClient extends ApiClient {
  /** @throws TypeError if `url` is not an http or https URL, or missing outside of a page */
  constructor(options: CodeBuddyClientOptions = {}) {
    super(webConnection(options), options);
  }
}

export * from './exports.ts';
