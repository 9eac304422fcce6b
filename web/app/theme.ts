// The theme: that of the system, until the user chooses light or dark.

import { signal } from '@preact/signals';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'codebuddy.theme';

export const theme = signal<Theme>(themes.find((name) => name === localStorage.getItem(key)) ?? 'system');

export function chooseTheme(name: Theme): void {
  localStorage.setItem(key, name);
  theme.value = name;
  applyTheme();
}

export function applyTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}
