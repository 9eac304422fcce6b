// Finds a text in a text in linear time (Knuth-Morris-Pratt). `indexOf` may compare the whole needle at each position:
// 500 KB of one letter in a file of the same letter would keep the process busy for hours.

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Characters per turn of the event loop: a few milliseconds. */
const charactersPerTurn = 1_048_576;

/**
 * Calls `onFound` with the position of each occurrence, in order; occurrences do not overlap. Yields to the event loop.
 */
export async function findText(
  text: string,
  needle: string,
  signal: AbortSignal,
  onFound: (at: number) => void,
): Promise<void> {
  const borders = await bordersOf(needle, signal);
  let matched = 0;
  for (let i = 0; i < text.length; i++) {
    if (i % charactersPerTurn === charactersPerTurn - 1) await pause(signal);
    const unit = text.charCodeAt(i);
    while (matched > 0 && needle.charCodeAt(matched) !== unit) matched = borders[matched - 1] as number;
    if (needle.charCodeAt(matched) === unit) matched++;
    if (matched === needle.length) {
      onFound(i + 1 - needle.length);
      matched = 0;
    }
  }
}

/** For each prefix of the needle, the length of its longest proper prefix that is also its suffix. */
async function bordersOf(needle: string, signal: AbortSignal): Promise<Int32Array> {
  const borders = new Int32Array(needle.length);
  let length = 0;
  for (let i = 1; i < needle.length; i++) {
    if (i % charactersPerTurn === 0) await pause(signal);
    const unit = needle.charCodeAt(i);
    while (length > 0 && needle.charCodeAt(length) !== unit) length = borders[length - 1] as number;
    if (needle.charCodeAt(length) === unit) length++;
    borders[i] = length;
  }
  return borders;
}

async function pause(signal: AbortSignal): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}
