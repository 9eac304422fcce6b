// "Did you mean …?" for a word that is not one of those there are.

import { closestMatch } from 'leven';

/** The end of a message: `; did you mean "list"?`, or nothing if no candidate is close. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const matches = likely(word, candidates);
  if (matches.length === 0) return '';
  return `; did you mean ${matches.map((match) => JSON.stringify(match)).join(' or ')}?`;
}

/** What was most likely meant: up to three candidates that begin so, else the one that is typed almost so. */
export function likely(word: string, candidates: readonly string[]): readonly string[] {
  const lower = word.toLowerCase();
  const longer =
    lower.length < 2 ? [] : candidates.filter((candidate) => candidate.toLowerCase().startsWith(lower));
  if (longer.length > 0) return longer.slice(0, 3);
  const match = closestMatch(
    lower,
    candidates.filter((candidate) => candidate.length > 1),
    { maxDistance: Math.min(3, Math.max(1, Math.floor(word.length / 3))) },
  );
  return match === undefined ? [] : [match];
}
