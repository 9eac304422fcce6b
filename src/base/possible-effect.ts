// Marks errors of work that may have been done although it failed. All other errors of the store mean that nothing was
// changed.

import type { CodeBuddyError } from './errors.ts';

const marked = new WeakSet<object>();

/** Returns the error, marked. */
export function withPossibleEffect(error: CodeBuddyError): CodeBuddyError {
  marked.add(error);
  return error;
}

/** True for a marked error, and for one with such a cause. */
export function mayHaveEffect(error: unknown): boolean {
  let one = error;
  for (let depth = 0; depth < 8 && one instanceof Error; depth++) {
    if (marked.has(one)) return true;
    one = one.cause;
  }
  return false;
}
