// Keys that work everywhere, outside of fields: `g s` opens the sessions, `/` goes to the search, `?` shows all.

import { useEffect, useRef } from 'preact/hooks';
import { go } from './router.ts';
import { views } from './views.ts';

/** How long `g` waits for the second key, in ms. */
const pairMs = 1500;

/** True if a key belongs to the element: text is being entered there. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

export function useShortcuts({ showHelp }: { readonly showHelp: () => void }): void {
  useEffect(() => {
    let gAt = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent): void => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector('dialog[open]') !== null) return;
      if (event.timeStamp - gAt < pairMs) {
        gAt = Number.NEGATIVE_INFINITY;
        const view = views.find(({ key }) => key === event.key);
        if (view === undefined) return;
        event.preventDefault();
        go(view.name === '' ? [] : [view.name]);
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

/** Calls the function of a key while the component is shown, outside of fields and dialogs. */
export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  // Effects run after the next paint: a key may come before it.
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
        return;
      if (document.querySelector('dialog[open]') !== null) return;
      const act = Object.hasOwn(current.current, event.key) ? current.current[event.key] : undefined;
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}
