// Stops feedback loops: a file that is written from the event stream changes, the change is reported, written to the
// file, reported again, and so on. Such a file is recognized because it changes after each event about it and contains
// what that event said.

import { dirname } from 'node:path';
import type { FileChange } from './file-change.ts';

export interface FeedbackGuardOptions {
  /** Returns true if the file contains the last event about itself, or about its folder. */
  readonly isEcho: (path: string) => Promise<boolean>;
  /** Called with changes that were held back and may be reported now. */
  readonly onRelease: (changes: readonly FileChange[]) => void;
  readonly warn: (message: string) => void;
  /** Unix ms. */
  readonly now: () => number;
  readonly setTimer: (ms: number, work: () => void) => () => void;
}

/** A file that changes, or a folder in which files are created. */
interface Suspect {
  reportedAt: number;
  changedAt: number;
  /** Changes in a row, each after an event about it. */
  rounds: number;
  /** The number of them that came within `quickMs`. */
  quickRounds: number;
  echoes: number;
  isMuted: boolean;
  holdMs: number;
  isQuietWhileHeld: boolean;
  readonly held: Map<string, FileChange>;
  cancelTimer: (() => void) | undefined;
}

const roundMs = 60_000;
const quickMs = 1000;
/** A file that contains this many events in a row is certainly written from the event stream. */
const certainEchoes = 3;
/**
 * A file that contains no events but changes quickly after this many events in a row is reported less and less often.
 */
const suspiciousRounds = 100;
const firstHoldMs = 2000;
const maxHoldMs = 600_000;
/** A file that was not changed for this long is reported again. */
const forgiveMs = 600_000;
const maxSuspects = 10_000;

export interface FeedbackGuard {
  /** Returns the changes that may be reported now. */
  admit(changes: readonly FileChange[]): Promise<readonly FileChange[]>;
  close(): void;
}

export function createFeedbackGuard(options: FeedbackGuardOptions): FeedbackGuard {
  const { isEcho, onRelease, warn, now, setTimer } = options;
  const suspects = new Map<string, Suspect>();

  async function admitOne(key: string, changes: readonly FileChange[]): Promise<readonly FileChange[]> {
    const time = now();
    const suspect = suspects.get(key) ?? remember(key, time);
    const sinceReported = time - suspect.reportedAt;
    const sinceChanged = time - suspect.changedAt;
    suspect.changedAt = time;
    if (suspect.isMuted && sinceChanged < forgiveMs) return [];
    if (suspect.cancelTimer !== undefined) {
      suspect.isQuietWhileHeld = false;
      hold(suspect, changes);
      return [];
    }
    const isFirst = suspect.reportedAt === Number.NEGATIVE_INFINITY;
    if (isFirst || suspect.isMuted || sinceReported > Math.max(roundMs, suspect.holdMs)) reset(suspect);
    else suspect.rounds++;
    suspect.quickRounds = !isFirst && sinceReported <= quickMs ? suspect.quickRounds + 1 : 0;
    if (suspect.quickRounds === 0) suspect.holdMs = 0;
    if (suspect.rounds >= certainEchoes) {
      suspect.echoes = (await isEcho(changes.at(-1)?.path as string)) ? suspect.echoes + 1 : 0;
      if (suspect.echoes >= certainEchoes) {
        suspect.isMuted = true;
        warn(
          `${key} is written from the events about it; its changes are not reported until it was unchanged for ten minutes`,
        );
        return [];
      }
    }
    if (suspect.quickRounds >= suspiciousRounds) {
      hold(suspect, changes);
      startHold(key, suspect);
      return [];
    }
    suspect.reportedAt = time;
    return changes;
  }

  function startHold(key: string, suspect: Suspect): void {
    // A file that others write also changes while nothing is reported about it; a file that feeds itself does not.
    if (suspect.holdMs === 0) suspect.holdMs = firstHoldMs;
    else if (suspect.isQuietWhileHeld) suspect.holdMs = Math.min(2 * suspect.holdMs, maxHoldMs);
    if (suspect.holdMs === 4 * firstHoldMs && suspect.isQuietWhileHeld)
      warn(`${key} changes after each event about it; its changes are reported less and less often`);
    suspect.isQuietWhileHeld = true;
    suspect.cancelTimer = setTimer(suspect.holdMs, () => {
      suspect.cancelTimer = undefined;
      suspect.reportedAt = now();
      const held = [...suspect.held.values()];
      suspect.held.clear();
      if (held.length > 0) onRelease(held);
    });
  }

  function remember(key: string, time: number): Suspect {
    const suspect: Suspect = {
      reportedAt: Number.NEGATIVE_INFINITY,
      changedAt: time,
      rounds: 0,
      quickRounds: 0,
      echoes: 0,
      isMuted: false,
      holdMs: 0,
      isQuietWhileHeld: false,
      held: new Map(),
      cancelTimer: undefined,
    };
    suspects.set(key, suspect);
    // The oldest entries are dropped first, except those that are muted or held.
    for (const [other, { cancelTimer, isMuted }] of suspects) {
      if (suspects.size <= maxSuspects || isMuted || cancelTimer !== undefined) break;
      suspects.delete(other);
    }
    return suspect;
  }

  return {
    async admit(changes) {
      const byKey = new Map<string, FileChange[]>();
      const admitted: FileChange[] = [];
      for (const change of changes) {
        if (change.change === 'delete') {
          // A file that was never reported is not reported as deleted either.
          if (!forget(change.path)) admitted.push(change);
          continue;
        }
        const key = change.change === 'modify' ? change.path : `${dirname(change.path)}/`;
        const same = byKey.get(key);
        if (same === undefined) byKey.set(key, [change]);
        else same.push(change);
      }
      for (const [key, some] of byKey) {
        const path = some[0]?.path as string;
        // A held new file is still new after another write.
        const folder = suspects.get(`${dirname(path)}/`);
        const created = folder?.held.get(path);
        if (created !== undefined && some[0]?.change === 'modify')
          folder?.held.set(path, { ...some[0], change: 'create' });
        else admitted.push(...(await admitOne(key, some)));
      }
      return admitted;
    },
    close() {
      for (const { cancelTimer } of suspects.values()) cancelTimer?.();
      suspects.clear();
    },
  };

  /** True if the file was created but that was never reported. */
  function forget(path: string): boolean {
    const suspect = suspects.get(path);
    suspect?.cancelTimer?.();
    suspects.delete(path);
    return suspects.get(`${dirname(path)}/`)?.held.delete(path) ?? false;
  }
}

function hold(suspect: Suspect, changes: readonly FileChange[]): void {
  for (const change of changes) suspect.held.set(change.path, change);
}

function reset(suspect: Suspect): void {
  suspect.isMuted = false;
  suspect.rounds = 0;
  suspect.quickRounds = 0;
  suspect.echoes = 0;
  suspect.holdMs = 0;
}
