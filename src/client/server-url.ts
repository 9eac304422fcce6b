// The URL of the server, as the caller gives it.

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
  let end = url.length;
  while (end > 0 && url[end - 1] === '/') end--;
  return url.slice(0, end);
}

/** The URL without user name, password and query string, for error messages. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
