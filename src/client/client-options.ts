// The options of the client.

import type { Fetch } from './connection.ts';

/** Options of `CodeBuddyClient`. */
export interface CodeBuddyClientOptions {
  /**
   * URL of the server: `http://…` or `https://…`.
   * @default in Node.js, the URL in `api/server.json` of the config folder; in a page, the origin of the page
   */
  readonly url?: string | undefined;
  /**
   * API key.
   * @default in Node.js, CODEBUDDY_API_KEY, otherwise the file `api/api-key` of the config folder if the server is on
   * this machine; elsewhere none, so a page of the server uses its cookie
   */
  readonly apiKey?: string | undefined;
  /** Node.js only: the config folder. @default CODEBUDDY_HOME, otherwise ~/.codebuddy */
  readonly home?: string | undefined;
  /**
   * Pages of the server without `apiKey` only: the `csrfToken` of `signIn.create`, sent as `X-CSRF-Token`.
   * @default none
   */
  readonly csrfToken?: string | (() => string) | undefined;
  /**
   * Retries of a request that failed for a temporary reason. Only requests that are safe to repeat are retried.
   * @default 2
   */
  readonly maxRetries?: number | undefined;
  /**
   * Time limit of one attempt in milliseconds; 0 sets no limit. Prompts, tools and streams have no limit by default.
   * @default 60000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Sends the requests, for example through a proxy. In Node.js, it requires `url`.
   * @default in Node.js, `node:http`; elsewhere the global `fetch`
   */
  readonly fetch?: Fetch | undefined;
}
