// The connection of browsers, Deno, Bun and edge runtimes: the global `fetch`. A page of the server itself needs no API
// key: the browser sends the cookie of its sign-in, and the client the token that goes with it.

import type { CodeBuddyClientOptions } from './client-options.ts';
import type { Connection } from './connection.ts';
import { checkUrl } from './server-url.ts';

/** @throws TypeError if there is no URL, or an option that only Node.js has */
export function webConnection(options: CodeBuddyClientOptions): Connection {
  const { apiKey, csrfToken, fetch } = options;
  const origin = pageOrigin();
  const given = options.url ?? origin;
  if (given === undefined) throw new TypeError('url is required: only a page knows its own server.');
  if (options.home !== undefined) throw new TypeError('home can be used only in Node.js.');
  const url = checkUrl(given);
  const isOwnPage = apiKey === undefined && new URL(url).origin === origin;
  return {
    url,
    // Called as a method of the global object, as browsers require.
    fetch: fetch ?? ((target, request) => globalThis.fetch(target, request)),
    headers(): Readonly<Record<string, string>> {
      if (apiKey !== undefined) return { authorization: `Bearer ${apiKey}` };
      if (!isOwnPage || csrfToken === undefined) return {};
      return { 'x-csrf-token': typeof csrfToken === 'string' ? csrfToken : csrfToken() };
    },
    ...(isOwnPage ? { credentials: 'same-origin' } : {}),
  };
}

/** The origin of the page or worker; undefined outside of browsers, and for pages without one (`file:`). */
function pageOrigin(): string | undefined {
  const location: unknown = Reflect.get(globalThis, 'location');
  if (typeof location !== 'object' || location === null || !('origin' in location)) return undefined;
  const { origin } = location;
  return typeof origin === 'string' && origin.startsWith('http') ? origin : undefined;
}
