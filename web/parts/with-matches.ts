// Text in which each match of a pattern is an element.

import type { ComponentChildren } from 'preact';

/** `pattern` must be global. The elements need keys: use `match.index`. */
export function withMatches(
  text: string,
  pattern: RegExp,
  elementOf: (match: RegExpExecArray) => ComponentChildren,
): readonly ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push(elementOf(match));
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}
