// The part of a message that shows why a search found it.

import { type Word, wordsOf } from './message-words.ts';
import type { SearchItem } from './search-query.ts';

export interface Snippet {
  readonly text: string;
  /** What the search found in `text`, from `start` up to `end`, in UTF-16 units. In order, without overlaps. */
  readonly marks: readonly { readonly start: number; readonly end: number }[];
}

const before = 60;
const longest = 240;

export function snippetOf(text: string, items: readonly SearchItem[]): Snippet {
  const found = firstMatch(text, items);
  let start = Math.max(0, (found?.start ?? 0) - before);
  let end = Math.min(text.length, start + longest);
  // Not inside a word, unless it is very long; never inside a character.
  if (start > 0) start = Math.min(afterSpace(text, start), found?.start ?? start);
  if (isLowSurrogate(text, start)) start--;
  if (isLowSurrogate(text, end)) end--;
  const cut = text.slice(start, end).replace(/\s+/gu, ' ').trim();
  const shown = `${start > 0 ? '…' : ''}${cut}${end < text.length ? '…' : ''}`;
  return { text: shown, marks: marksOf(shown, items) };
}

function firstMatch(text: string, items: readonly SearchItem[]): Word | undefined {
  const longestItem = Math.max(1, ...items.map(({ words }) => words.length));
  const window: Word[] = [];
  for (const word of wordsOf(text)) {
    window.push(word);
    if (window.length > longestItem) window.shift();
    for (const item of items) {
      const first = window.length - item.words.length;
      if (first >= 0 && matchesAt(window, first, item)) return window[first];
    }
  }
  return undefined;
}

function marksOf(text: string, items: readonly SearchItem[]): Snippet['marks'] {
  const words = [...wordsOf(text)];
  const marks: { start: number; end: number }[] = [];
  for (let at = 0; at < words.length; ) {
    const lengths = items.filter((item) => matchesAt(words, at, item)).map((item) => item.words.length);
    const length = Math.max(0, ...lengths);
    const last = words[at + length - 1];
    if (length > 0 && last !== undefined) marks.push({ start: (words[at] as Word).start, end: last.end });
    at += Math.max(1, length);
  }
  return marks;
}

function matchesAt(text: readonly Word[], at: number, { words, isPrefix }: SearchItem): boolean {
  return words.every((wanted, index) => {
    const word = text[at + index]?.word;
    if (word === undefined) return false;
    return isPrefix && index === words.length - 1 ? word.startsWith(wanted) : word === wanted;
  });
}

function afterSpace(text: string, from: number): number {
  const space = /\s/u.exec(text.slice(from, from + before));
  return space === null ? from : from + space.index + 1;
}

function isLowSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
