// The entry point `codebuddy-api/client` for Node.js: it finds a local server and its API key. web.ts is the one for
// everything else; both export the same names.

import { ApiClient } from './client.ts';
import type { CodeBuddyClientOptions } from './client-options.ts';
import { nodeConnection } from './node/node-connection.ts';

/**
 * A client for a Code Buddy API server. In Node.js, without options, it uses the local server, with the API key from
 * the config folder. In a page of the server, it uses the sign-in of the page.
 *
 * @example
 * const client = new CodeBuddyClient();
 * const { response } = await client.prompt('list *.md');
 */
export class CodeBuddyClient extends ApiClient {
  /**
   * @throws TypeError if `url` is not an http or https URL
   * @throws CodeBuddyConnectionError `not_running` if no `url` is given and no server is running
   * @example
   * const client = new CodeBuddyClient({ url: 'https://agent.example.org', apiKey: process.env.AGENT_KEY });
   */
  constructor(options: CodeBuddyClientOptions = {}) {
    super(nodeConnection(options), options);
  }
}

export * from './exports.ts';
