// A run while it is queued or working: what is in memory of it, and its clock, which stands still while a person is asked.

import type { Permission } from '../contract/permission.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { Write } from '../store/store.ts';
import type { RunRequest, RunState, Stop } from './run-record.ts';
import type { SessionMemory } from './session-memory.ts';

export interface LiveRun {
  run: RunState;
  readonly request: RunRequest;
  readonly hop: number;
  readonly isResumed: boolean;
  readonly controller: AbortController;
  readonly clock: RunClock;
  /** True once its first events are committed; only then may it work. */
  admitted: boolean;
  stop: Stop | undefined;
  /** Read when it begins to work. */
  memory: SessionMemory;
  /** Tools that wait for a person. */
  waiting: number;
  /** What the next commit of this run takes along: nothing waits for it. */
  along: Write[];
  /** The id of the prompt's message; undefined in a run that was resumed. */
  readonly promptMessageId: string | undefined;
  /** When its session began, in Unix ms. */
  readonly sessionBeganAt: number;
  /** True once the transcript holds an answer of this run. */
  hasAnswered: boolean;
  readonly result: PromiseWithResolvers<PromptResult>;
  /** Resolves when it waits for a person for the first time. */
  readonly asked: PromiseWithResolvers<Permission>;
  /** Resolves when the run has ended, however. */
  readonly ended: Promise<void>;
}

export interface NewLiveRun {
  readonly run: RunState;
  readonly request: RunRequest;
  readonly hop: number;
  readonly isResumed: boolean;
  readonly memory: SessionMemory;
  readonly promptMessageId: string | undefined;
  readonly sessionBeganAt: number;
}

export function makeLiveRun(parts: NewLiveRun): LiveRun {
  const result = Promise.withResolvers<PromptResult>();
  // A caller that never looks at the result (202, or it went away) must not end the process.
  result.promise.catch(() => undefined);
  return {
    ...parts,
    controller: new AbortController(),
    clock: new RunClock(),
    admitted: false,
    stop: undefined,
    waiting: 0,
    along: [],
    hasAnswered: false,
    result,
    asked: Promise.withResolvers<Permission>(),
    ended: result.promise.then(
      () => undefined,
      () => undefined,
    ),
  };
}

export function ownerOf({ run }: LiveRun): { readonly sessionId: string; readonly runId: string } {
  return { sessionId: run.sessionId, runId: run.id };
}

/** What waits for a commit, once. */
export function takeAlong(one: LiveRun): readonly Write[] {
  const { along } = one;
  one.along = [];
  return along;
}

/** The time limit of a run. */
export class RunClock {
  private timer: NodeJS.Timeout | undefined;
  private leftMs = 0;
  private startedAt = 0;
  private onEnd: () => void = () => undefined;

  start(limitMs: number, onEnd: () => void): void {
    this.leftMs = limitMs;
    this.onEnd = onEnd;
    this.resume();
  }

  pause(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.leftMs -= performance.now() - this.startedAt;
  }

  resume(): void {
    if (this.timer !== undefined) return;
    this.startedAt = performance.now();
    this.timer = setTimeout(() => this.onEnd(), Math.max(this.leftMs, 0));
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.onEnd = () => undefined;
  }
}
