// The fixed words of a glob pattern decide whether a rule names a protected file.

import { expect, it } from 'vitest';
import { patternWords } from '../../../src/agent/permissions/pattern-words.ts';

it.each([
  ['.git/hooks', '.git/hooks'],
  ['.git/**/a?*', '.git/x/axx'],
  ['a[bc]d{e,f}g', 'axdxg'],
  ['[[]{{}', 'xx'],
  ['[{]}', 'x}'],
  [String.raw`\*\\a`, 'xxa'],
  ['[a]b[c{d*', 'xb[c{dx'],
  ['a\\', 'a\\'],
])('%s has the words %s', (pattern, words) => {
  expect(patternWords(pattern)).toBe(words);
});
