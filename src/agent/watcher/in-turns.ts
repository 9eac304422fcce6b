// Work on many things that lets the event loop have its turn: a few at the same time, a pause after each few.

import { setImmediate as nextTurn } from 'node:timers/promises';

const thingsPerTurn = 64;

/** Ends early, quietly, when the signal aborts. */
export async function inTurns<T>(
  things: Iterable<T>,
  signal: AbortSignal,
  act: (thing: T) => Promise<void> | void,
): Promise<void> {
  let some: T[] = [];
  for (const thing of things) {
    some.push(thing);
    if (some.length < thingsPerTurn) continue;
    await Promise.all(some.map(act));
    some = [];
    await nextTurn();
    if (signal.aborted) return;
  }
  await Promise.all(some.map(act));
}
