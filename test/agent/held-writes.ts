// A store whose commits take as long as the test wants, or fail, as on a slow or full disk.

import type { Store, Write } from '../../src/store/store.ts';

export interface HeldWrites {
  /** Wraps the store of an agent. */
  readonly wrap: (store: Store) => Store;
  /** True once a write is held. */
  readonly isHeld: () => boolean;
  /** Commits the held writes and all later ones. */
  readonly release: () => void;
  /** Fails the held writes; later ones are committed. */
  readonly fail: (error: Error) => void;
}

/** Holds the writes from the first one that appends an event of this type. */
export function holdWritesFrom(eventType: string): HeldWrites {
  const gate = Promise.withResolvers<void>();
  gate.promise.catch(() => undefined);
  let isHeld = false;
  let isOpen = false;
  const isStep = (writes: readonly Write[]): boolean =>
    writes.some((write) => write.kind === 'appendEvent' && write.event.type === eventType);
  return {
    wrap: (store) => ({
      ...store,
      ...(store.feed === undefined ? {} : { feed: store.feed }),
      async write(writes, options) {
        if (!isOpen && (isHeld || isStep(writes))) {
          isHeld = true;
          await gate.promise;
        }
        return store.write(writes, options);
      },
    }),
    isHeld: () => isHeld,
    release() {
      isOpen = true;
      gate.resolve();
    },
    fail(error) {
      isOpen = true;
      gate.reject(error);
    },
  };
}
