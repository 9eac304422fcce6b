// "Did you mean …?" for a word that is not one of those there are. Every room may import it.

import { closestMatch } from 'leven';

/** The end of a message: `; did you mean "list"?`, or nothing if no candidate is close. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const matches = likely(word, candidates);
  if (matches.length === 0) return '';
  return `; did you mean ${matches.map((match) => JSON.stringify(match)).join(' or ')}?`;
}

/** What was most likely meant: the candidate that is typed almost so, else up to three that begin so. */
function likely(word: string, candidates: readonly string[]): readonly string[] {
  const lower = word.toLowerCase();
  // Two letters in the wrong order count as two changes.
  const maxDistance = word.length < 4 ? 1 : word.length < 9 ? 2 : 3;
  const match = closestMatch(
    lower,
    candidates.filter((candidate) => candidate.length > 1),
    { maxDistance },
  );
  if (match !== undefined) return [match];
  if (lower.length < 3) return [];
  return candidates.filter((candidate) => candidate.toLowerCase().startsWith(lower)).slice(0, 3);
}
