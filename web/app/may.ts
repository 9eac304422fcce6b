// Whether the caller may do something, and what the button says if not.

import type { Scope } from '../../src/contract/api-key.ts';
import { signIn } from './sign-in.ts';

export interface Right {
  readonly disabled: boolean;
  readonly title?: string | undefined;
}

/** Spread it into a button. */
export function may(scope: Scope): Right {
  const state = signIn.value;
  const has = state.status === 'in' && state.caller.scopes.includes(scope);
  return has ? { disabled: false } : { disabled: true, title: `Your key lacks the scope "${scope}".` };
}
