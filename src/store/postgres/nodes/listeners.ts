// Listeners of one kind of news. An error of one does not keep it from the others.

import { callHost } from '../../../base/call-host.ts';

export interface Listeners<Args extends readonly unknown[] = []> {
  readonly count: number;
  add(listener: (...args: Args) => void): () => void;
  call(...args: Args): void;
}

export function createListeners<Args extends readonly unknown[] = []>(): Listeners<Args> {
  const listeners = new Set<{ readonly listener: (...args: Args) => void }>();
  return {
    get count() {
      return listeners.size;
    },
    add(listener) {
      const entry = { listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    call(...args) {
      for (const { listener } of [...listeners]) callHost(() => listener(...args));
    },
  };
}
