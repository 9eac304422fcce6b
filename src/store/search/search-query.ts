// What a person typed into a search, as words for the index. Every text is a valid search: characters that are not part
// of a word only separate words.

import { wordsOf } from './message-words.ts';

/** Words that follow each other. A message must have all items of a search. */
export interface SearchItem {
  readonly words: readonly string[];
  /** Whether the last word may be the beginning of a longer one. */
  readonly isPrefix: boolean;
}

/** The index has no entries for shorter beginnings. */
const minPrefixLength = 2;

/**
 * Reads a search: words, and phrases in quotes. A word with signs in it, such as `src/app.ts`, is a phrase too. The
 * last word may be incomplete, unless it is in quotes or followed by a space.
 */
export function parseSearch(text: string): readonly SearchItem[] {
  const items = new Map<string, SearchItem>();
  const parts = text.split(/["\u201c\u201d\u201e]/u);
  for (const [index, part] of parts.entries()) {
    const isQuoted = index % 2 === 1;
    const isLast = index === parts.length - 1;
    const pieces = isQuoted ? [part] : part.split(/\s+/u);
    for (const [at, piece] of pieces.entries()) {
      const words = Array.from(wordsOf(piece), ({ word }) => word);
      const last = words.at(-1);
      if (last === undefined) continue;
      const isOpen = isLast && !isQuoted && at === pieces.length - 1;
      const isPrefix = isOpen && [...last].length >= minPrefixLength;
      items.set(`${words.join(' ')}${isPrefix ? '*' : ''}`, { words, isPrefix });
    }
  }
  return [...items.values()];
}

/** The search as an expression of FTS5. Words have letters and digits only, so they need no escapes. */
export function toFts5(items: readonly SearchItem[]): string {
  return items.map(({ words, isPrefix }) => `"${words.join(' ')}"${isPrefix ? ' *' : ''}`).join(' AND ');
}

/** The search as a `tsquery` of PostgreSQL. */
export function toTsQuery(items: readonly SearchItem[]): string {
  const phrase = ({ words, isPrefix }: SearchItem): string =>
    words.map((word, at) => `'${word}'${isPrefix && at === words.length - 1 ? ':*' : ''}`).join(' <-> ');
  return items.map((item) => `(${phrase(item)})`).join(' & ');
}
