// JSON Pointers (RFC 6901), which name the invalid field in an error.

/** One step of a pointer: `~` and `/` in a field's name are escaped (RFC 6901 §3). */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The opposite of `escapePointer`. `~1` goes first, so that `~01` becomes `~1` and not `/`. */
export function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
