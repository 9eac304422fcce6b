// Keys that work everywhere, outside of fields: `g s` opens the sessions, `/` goes to the search, `?` shows all.

import { useLayoutEffect } from 'preact/hooks';
import { isTyping } from './keys.ts';
import { go } from './router.ts';
import { views } from './views.ts';

/** How long `g` waits for the second key, in ms. */
const pairMs = 1500;

export function useShortcuts({ showHelp }: { readonly showHelp: () => void }): void {
  // Other effects run after the next paint: a key may come before it.
  useLayoutEffect(() => {
    let gAt = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent): void => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector('dialog[open]') !== null) return;
      if (event.timeStamp - gAt < pairMs) {
        gAt = Number.NEGATIVE_INFINITY;
        // Also for a key without a view: alone it may allow a permission.
        event.preventDefault();
        const view = views.find(({ key }) => key === event.key);
        if (view !== undefined) go(view.name === '' ? [] : [view.name]);
      } else if (event.key === 'g') gAt = event.timeStamp;
      else if (event.key === '?') showHelp();
      else if (event.key === '/') {
        const field = document.querySelector<HTMLElement>('input[type="search"]');
        if (field === null) return;
        event.preventDefault();
        field.focus();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [showHelp]);
}
