// Below the views: the theme and the sign-out.

import { Icon } from '../parts/icon.tsx';
import { attempt } from '../parts/toast.tsx';
import { signOut } from './sign-in.ts';
import { chooseTheme, theme, themes } from './theme.ts';

export function RailFoot() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system';
  return (
    <div class="rail-foot">
      <button
        type="button"
        class="bare"
        title={`Theme: ${theme.value}. Click for ${next}.`}
        aria-label={`Theme: ${theme.value}`}
        onClick={() => chooseTheme(next)}
      >
        <Icon name="theme" />
        <span class="label">Theme: {theme.value}</span>
      </button>
      <button
        type="button"
        class="bare"
        title="Sign out"
        aria-label="Sign out"
        onClick={() => attempt(signOut)}
      >
        <Icon name="leave" />
        <span class="label">Sign out</span>
      </button>
    </div>
  );
}
