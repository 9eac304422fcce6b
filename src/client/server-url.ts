// The URL of the server, as the caller gives it.

import { withoutTrailing } from '../base/without-trailing.ts';

/**
 * Returns the URL without slashes at its end.
 * @throws TypeError if it is not an http or https URL
 */
export function checkUrl(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new TypeError(
      `url must be an http or https URL such as http://127.0.0.1:3847, not ${JSON.stringify(url)}`,
    );
  }
  return withoutTrailing(url, '/');
}

/** The URL without user name, password and query string, for error messages. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
