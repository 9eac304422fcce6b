// How this page looks in this browser, and its sign-in.

import { signIn, signOut } from '../../app/sign-in.ts';
import { chooseTheme, type Theme, theme, themes } from '../../app/theme.ts';
import { Time } from '../../parts/time.tsx';
import { attempt } from '../../parts/toast.tsx';

const words: Readonly<Record<Theme, string>> = { system: 'same as the system', light: 'light', dark: 'dark' };

export function Appearance() {
  const state = signIn.value;
  return (
    <div class="stack">
      <section class="panel">
        <div class="body">
          <fieldset class="choices">
            <legend>
              <h2>Theme</h2>
            </legend>
            {themes.map((name) => (
              <label key={name}>
                <input
                  type="radio"
                  name="theme"
                  checked={theme.value === name}
                  onChange={() => chooseTheme(name)}
                />
                {words[name]}
              </label>
            ))}
          </fieldset>
        </div>
      </section>
      {state.status === 'in' && (
        <section class="panel" aria-labelledby="sign-in">
          <header>
            <h2 id="sign-in" class="grow">
              Sign-in of this browser
            </h2>
            <button type="button" onClick={() => attempt(signOut)}>
              Sign out
            </button>
          </header>
          <p class="body">
            Key <code>{state.caller.keyId ?? 'none'}</code>, with the scopes {state.caller.scopes.join(', ')}.
            {state.caller.expiresAt !== null && (
              <>
                {' '}
                It expires <Time at={state.caller.expiresAt} />.
              </>
            )}
          </p>
        </section>
      )}
    </div>
  );
}
