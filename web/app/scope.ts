// The scopes of the caller, and the titles of disabled buttons.

import type { Scope } from '../../src/contract/api-key.ts';
import { signIn } from './sign-in.ts';

/** The title of a control that needs the scope; undefined if the caller has it. */
export function lackOf(scope: Scope): string | undefined {
  const state = signIn.value;
  return state.status === 'in' && state.caller.scopes.includes(scope)
    ? undefined
    : `Your key lacks the scope "${scope}".`;
}

export interface Right {
  readonly disabled: boolean;
  readonly title?: string | undefined;
}

/** Whether the caller may do something, and the title of the button if not. Spread it into the button. */
export function may(scope: Scope): Right {
  const title = lackOf(scope);
  return title === undefined ? { disabled: false } : { disabled: true, title };
}
