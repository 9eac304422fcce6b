// The page of a browser that is not signed in: how to sign in, and a field for a key.

import { useState } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import { type SignInState, signInWith } from './sign-in.ts';

export function SignInPage({ state }: { readonly state: SignInState }) {
  if (state.status === 'checking') return null;
  if (state.status === 'unreachable') {
    return (
      <main class="sign-in">
        <h1>The server does not answer</h1>
        <p class="quiet">
          This page loads when the server is back. Start it with <code>codebuddy serve</code>.
        </p>
      </main>
    );
  }
  return (
    <main class="sign-in">
      <div class="row">
        <Icon name="brand" />
        <h1>Sign in to Code Buddy</h1>
      </div>
      <p>
        Run <code>codebuddy open</code> in a terminal. It opens this page and signs you in.
      </p>
      <KeyForm reason={state.status === 'out' ? state.reason : undefined} />
    </main>
  );
}

function KeyForm({ reason }: { readonly reason: string | undefined }) {
  const [key, setKey] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    await signInWith(key.trim());
    setBusy(false);
  };
  return (
    <div class="field">
      <label for="key">Or paste an API key</label>
      <form onSubmit={submit}>
        <input
          id="key"
          class="grow"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={key}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
          aria-invalid={reason !== undefined}
          aria-describedby={reason === undefined ? undefined : 'key-fault'}
        />
        <button type="submit" class="main" disabled={isBusy || key.trim() === ''}>
          Sign in
        </button>
      </form>
      {reason !== undefined && (
        <p id="key-fault" class="fault" role="alert">
          {reason}
        </p>
      )}
      <p class="hint">
        The key is sent once. This browser keeps a cookie that no script can read, for 7 days.
      </p>
    </div>
  );
}
