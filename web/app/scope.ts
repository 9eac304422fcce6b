// What the caller may not do, for the titles of disabled buttons.

import type { Scope } from '../../src/contract/api-key.ts';
import { signIn } from './sign-in.ts';

/** The title of a control that needs the scope; undefined if the caller has it. */
export function lackOf(scope: Scope): string | undefined {
  const state = signIn.value;
  return state.status === 'in' && state.caller.scopes.includes(scope)
    ? undefined
    : `Your key lacks the scope "${scope}".`;
}
