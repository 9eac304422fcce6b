// Regular expressions that run in linear time (RE2), for patterns that come from outside.

import { createRequire } from 'node:module';
import type * as Re2 from 're2js';

const require = createRequire(import.meta.url);

export interface LinearPattern {
  readonly matches: (text: string) => boolean;
  /** Instructions of the compiled pattern: the most steps that one character may take. */
  readonly size: number;
}

/** @throws the error of RE2 for a pattern that it does not accept */
export function compileLinear(source: string, flags: { readonly ignoreCase: boolean }): LinearPattern {
  // Loading RE2 takes 6 ms, so it is loaded with the first pattern.
  const { RE2JS } = require('re2js') as typeof Re2;
  const pattern = RE2JS.compile(source, flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  return { matches: (text) => pattern.matcher(text).find(), size: pattern.programSize() };
}
