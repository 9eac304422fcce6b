// Limits the cost of one walk through folders, and collects the reasons why its result is incomplete.

import { setImmediate as nextTurn } from 'node:timers/promises';

/** The reason why a result is incomplete. */
export type Truncation = 'results' | 'size' | 'depth' | 'entries' | 'time';

export interface WalkLimits {
  /** Files and folders to look at. @default 500 000 */
  readonly maxEntries?: number;
  /** Entries of one folder. @default 100 000 */
  readonly maxEntriesOfFolder?: number;
  /** @default 30 000 */
  readonly timeMs?: number;
  /** Characters of the result. @default 1 048 576 */
  readonly maxResultLength?: number;
  /** A clock that never goes back, in ms. @default performance.now */
  readonly now?: () => number;
}

/** The walk yields to the event loop after this time. */
const sliceMs = 10;

export class WalkBounds {
  readonly maxEntriesOfFolder: number;
  readonly #now: () => number;
  readonly #endAt: number;
  readonly #left = new Set<Truncation>();
  #entriesLeft: number;
  #lengthLeft: number;
  #sliceEnd: number;

  constructor(limits: WalkLimits = {}) {
    const { maxEntries = 500_000, maxEntriesOfFolder = 100_000, timeMs = 30_000 } = limits;
    const { maxResultLength = 1_048_576, now = () => performance.now() } = limits;
    this.maxEntriesOfFolder = maxEntriesOfFolder;
    this.#now = now;
    this.#endAt = now() + timeMs;
    this.#entriesLeft = maxEntries;
    this.#lengthLeft = maxResultLength;
    this.#sliceEnd = now() + sliceMs;
  }

  /** The members of a tool's result. */
  get told(): { readonly truncated: boolean; readonly truncatedBy?: readonly Truncation[] } {
    return this.#left.size === 0
      ? { truncated: false }
      : { truncated: true, truncatedBy: [...this.#left].sort() };
  }

  leaveOut(why: Truncation): void {
    this.#left.add(why);
  }

  /** False if this many more entries exceed the limit. */
  takeEntries(count: number): boolean {
    this.#entriesLeft -= count;
    if (this.#entriesLeft < 0) this.#left.add('entries');
    return this.#entriesLeft >= 0;
  }

  /** False if another item of this length exceeds the limit of the result. */
  takeLength(length: number): boolean {
    this.#lengthLeft -= length;
    if (this.#lengthLeft < 0) this.#left.add('size');
    return this.#lengthLeft >= 0;
  }

  /** True if `goOn` must be called; cheaper than a promise. */
  get isDue(): boolean {
    const now = this.#now();
    return now >= this.#sliceEnd || now >= this.#endAt;
  }

  /**
   * Yields to the event loop now and then. Resolves to false when the time limit is reached.
   * @throws the reason of an aborted signal
   */
  async goOn(signal: AbortSignal): Promise<boolean> {
    const now = this.#now();
    if (now >= this.#sliceEnd) {
      await nextTurn();
      signal.throwIfAborted();
      this.#sliceEnd = this.#now() + sliceMs;
    }
    if (now < this.#endAt) return true;
    this.#left.add('time');
    return false;
  }
}
