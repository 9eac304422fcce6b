// The connection of Node.js: to a given URL, or to the local server, which is looked for again when it does not answer:
// a restarted server may have another port.

import type { CodeBuddyClientOptions } from '../client-options.ts';
import type { Connection } from '../connection.ts';
import { CodeBuddyConnectionError } from '../errors.ts';
import { discover } from './discovery.ts';
import { NodeFetch } from './node-fetch.ts';

/**
 * @throws TypeError if an option is invalid
 * @throws CodeBuddyConnectionError `not_running` if no `url` is given and no server is running
 */
export function nodeConnection(options: CodeBuddyClientOptions): Connection {
  if (options.fetch !== undefined && options.url === undefined)
    throw new TypeError('fetch requires url: only the built-in connection verifies the local server.');
  let endpoint = discover(options);
  let own = new NodeFetch(endpoint.expected);

  function hasMoved(): boolean {
    let found: typeof endpoint;
    try {
      found = discover(options);
    } catch (error) {
      if (error instanceof CodeBuddyConnectionError) return false;
      throw error;
    }
    const isOther = found.url !== endpoint.url || found.expected?.startedAt !== endpoint.expected?.startedAt;
    endpoint = found;
    if (isOther) {
      own.close();
      own = new NodeFetch(found.expected);
    }
    return isOther;
  }

  return {
    get url() {
      return endpoint.url;
    },
    get fetch() {
      return options.fetch ?? own.fetch;
    },
    headers() {
      const { apiKey } = endpoint;
      return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    },
    hasMoved,
    close() {
      own.close();
    },
  };
}
