// Files that may be half-written, or gone only for a moment. They are looked at again before a change is reported.

import type { Seen, SeenFile } from './look-at.ts';

export interface UnsettledFiles {
  /**
   * True if the path must be looked at again before anything is reported. `before`: the version that was known, if any.
   * `isKnown`: a file or folder was known at this path.
   */
  isUnsettled(path: string, isKnown: boolean, before: string | undefined, seen: Seen): boolean;
  /** Keeps a path for later, without a timer of its own. */
  defer(path: string): void;
  forget(path: string): void;
  /** Looks at the path again soon if it was deferred. */
  resume(path: string): void;
  close(): void;
}

/** A file that was written less than this ago may be half-written. */
const settleMs = 50;
/** A new empty file often gets its content soon. This leaves time for a program that waits for the CPU. */
const emptyMs = 500;
/** A missing file may be about to be replaced; its end is reported after this time. */
const goneMs = 100;
/** A file that is written all the time is reported at least this often. */
const unsettledAtMostMs = 200;

/** `lookAgain` is called with all paths that are unsettled. */
export function createUnsettledFiles(lookAgain: (paths: Iterable<string>) => void): UnsettledFiles {
  /** The time since when the file is unsettled (`performance.now()`). */
  const unsettled = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  function start(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      lookAgain(unsettled.keys());
    }, settleMs);
  }

  return {
    isUnsettled(path, isKnown, before, seen) {
      const since = unsettled.get(path) ?? seen.at;
      const waitedMs = seen.at - since;
      const isOpen =
        seen.kind === 'file'
          ? seen.version !== before && isBeingWritten(seen, waitedMs)
          : isKnown && waitedMs < goneMs;
      if (isOpen) {
        unsettled.set(path, since);
        start();
      } else unsettled.delete(path);
      return isOpen;
    },
    defer: (path) => void unsettled.set(path, performance.now()),
    forget: (path) => void unsettled.delete(path),
    resume(path) {
      if (unsettled.has(path)) start();
    },
    close: () => clearTimeout(timer),
  };
}

/** As it was when it was seen. */
function isBeingWritten({ at, bytes, stats }: SeenFile, waitedMs: number): boolean {
  const lookedAt = Date.now() - (performance.now() - at);
  const ageMs = Math.abs(lookedAt - Number(stats.mtimeMs));
  return bytes === 0
    ? ageMs < emptyMs && waitedMs < emptyMs
    : ageMs < settleMs && waitedMs < unsettledAtMostMs;
}
