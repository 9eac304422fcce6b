// Suggests similar words for a word that does not exist.

import { closestMatch } from 'leven';

/** Returns the end of a message, `; did you mean "list"?`, or an empty string if no candidate is similar. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const matches = likely(word, candidates);
  if (matches.length === 0) return '';
  return `; did you mean ${matches.map((match) => JSON.stringify(match)).join(' or ')}?`;
}

/** The closest candidate; if none is close, up to three that start with the word. */
function likely(word: string, candidates: readonly string[]): readonly string[] {
  const lower = word.toLowerCase();
  // Two swapped letters count as two changes.
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
