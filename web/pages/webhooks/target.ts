/** The host and port of a URL, or the URL if it is not valid: a refused webhook may have any text. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
