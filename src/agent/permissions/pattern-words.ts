// The fixed words of a glob pattern, which show what the pattern names. Linear time, also for brackets that are never
// closed.

/** The pattern with `x` in place of each wildcard, class, group and escaped character. An unclosed bracket stays. */
export function patternWords(pattern: string): string {
  const lastBracket = pattern.lastIndexOf(']');
  const lastBrace = pattern.lastIndexOf('}');

  /** Returns the end of the wildcard at `at`; undefined if there is none. */
  function endOfWildcard(at: number): number | undefined {
    switch (pattern[at]) {
      case '\\':
        return at + 1 < pattern.length && !/[\n\r\u2028\u2029]/.test(pattern.charAt(at + 1))
          ? at + 2
          : undefined;
      // Search only if there is one: otherwise each open bracket would scan the whole rest.
      case '[':
        return lastBracket > at ? pattern.indexOf(']', at) + 1 : undefined;
      case '{':
        return lastBrace > at ? pattern.indexOf('}', at) + 1 : undefined;
      case '*': {
        let end = at + 1;
        while (pattern[end] === '*') end++;
        return end;
      }
      case '?':
        return at + 1;
      default:
        return undefined;
    }
  }

  let words = '';
  for (let at = 0; at < pattern.length; ) {
    const end = endOfWildcard(at);
    words += end === undefined ? pattern.charAt(at) : 'x';
    at = end ?? at + 1;
  }
  return words;
}
