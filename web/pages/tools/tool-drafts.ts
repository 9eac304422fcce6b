// The parameters that were entered for each tool, until the tab is closed.

import type { FormValue } from '../../parts/schema-form.tsx';

const keyOf = (tool: string): string => `codebuddy.tool.${tool}`;

export function readDraft(tool: string): FormValue {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(keyOf(tool)) ?? '{}');
    return typeof value === 'object' && value !== null ? (value as FormValue) : {};
  } catch {
    return {};
  }
}

export function keepDraft(tool: string, value: FormValue): void {
  try {
    sessionStorage.setItem(keyOf(tool), JSON.stringify(value));
  } catch {
    // Too large for the storage: the form keeps it until the user leaves the page.
  }
}
