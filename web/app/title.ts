// The title of the document: how many questions wait, and what the view shows.

import { effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { inbox } from './inbox.ts';

const shown = signal('');

effect(() => {
  const waiting = inbox.value.length;
  const name = shown.value === '' ? 'Code Buddy' : `${shown.value} - Code Buddy`;
  document.title = waiting === 0 ? name : `(${waiting}) ${name}`;
});

/** Names what is shown. Undefined leaves the title as it is. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    if (title !== undefined) shown.value = title;
  }, [title]);
}
