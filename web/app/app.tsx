// The whole page: the sign-in, or the shell around the view that the address names.

import { useEffect } from 'preact/hooks';
import { follow, stopFollowing } from './live.ts';
import { Shell } from './shell.tsx';
import { signIn } from './sign-in.ts';
import { SignInPage } from './sign-in-page.tsx';

export function App() {
  const state = signIn.value;
  const isIn = state.status === 'in';
  useEffect(() => {
    if (!isIn) return undefined;
    follow();
    return stopFollowing;
  }, [isIn]);
  return state.status === 'in' ? <Shell caller={state.caller} /> : <SignInPage state={state} />;
}
