// The contract of runs: what the rest of the program may do with them. runs.ts implements it.

import type { RunStats } from '../base/run-figures.ts';
import type { InboxItem } from '../contract/inbox.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import type { PartInput } from '../contract/part.ts';
import type { Permission } from '../contract/permission.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { Run, RunStateCounts, RunStatus } from '../contract/run.ts';
import type { HistoryMessage, SessionOrigin } from '../contract/session.ts';
import type { CallerTool } from '../contract/tool-call.ts';
import type { NewEvent } from '../events/event-log.ts';
import type { Write } from '../store/store.ts';
import type { Steering } from './steering.ts';

export interface StartedRun {
  readonly run: Run;
  /** The log position before the run's first event. */
  readonly afterSequence: number;
  readonly result: Promise<PromptResult>;
  /** Resolves when the run waits for a permission for the first time. */
  readonly asked: Promise<Permission>;
  /** Resolves when the run waits for anything for the first time. */
  readonly waits: Promise<InboxItem>;
}

/** The caller that starts or resumes a run: the run works with its rights. */
export interface Caller {
  /** The API key's id; null on a server without keys. @default null */
  readonly keyId?: string | null;
  /** True if the key has the scope `tools`. @default true */
  readonly mayUseTools?: boolean;
}

export interface Runs {
  /**
   * @throws CodeBuddyError `validation_failed`, `session_not_found`, `insufficient_scope`, `cost_limit_reached`,
   * `key_limit_reached`, `too_many_runs`, `too_many_waiting_runs`, `shutting_down`; those of `PromptParts.take`
   */
  start(
    request: Caller & {
      prompt: string;
      /** Texts, images and files that follow the prompt. @default none */
      parts?: readonly PartInput[];
      sessionId?: string;
      /** Create the session if there is none with `sessionId`. @default false */
      createSession?: boolean;
      /** Of a new session. @default 'rest' */
      origin?: SessionOrigin;
      /** Names that the session gets; `sessions.named` finds it by each. @default none */
      names?: readonly string[];
      /**
       * A name that no other session may have, for a new session. `session_exists` if another session has it: then look
       * for that session again. @default none
       */
      claimedName?: string;
      /** Messages before the prompt, for a new session. @default none */
      history?: readonly HistoryMessage[];
      options: PromptOptions;
      /** Tools of the caller. @default none */
      tools?: readonly CallerTool[];
      requestId: string;
      /** @default a new id */
      runId?: string;
      /**
       * Committed with the run.
       * @default nothing
       */
      together?: (run: { readonly runId: string; readonly sessionId: string }) => {
        readonly events: readonly NewEvent[];
        readonly writes: readonly Write[];
      };
      /**
       * Queue the run again if the process ends before it has begun, instead of interrupting it. For callers that do not
       * wait for the answer.
       * @default false
       */
      survivesRestart?: boolean;
      /** The number of requests of this server's own webhooks that led to the run. @default 0 */
      hop?: number;
    },
  ): Promise<StartedRun>;
  /**
   * Resumes an interrupted or failed run with the rights of this caller, not those of the caller that started it.
   * @throws CodeBuddyError `run_not_found`, `run_not_resumable`, `insufficient_scope`
   */
  resume(id: string, request?: Caller & { hop?: number }): Promise<StartedRun>;
  get(id: string): Promise<Run | undefined>;
  list(page: PageRequest & { readonly sessionId?: string; readonly status?: RunStatus }): Promise<Page<Run>>;
  /**
   * Resolves once the run has ended; to an unfinished run if another node works on it and has not ended it within 5 s.
   * @throws CodeBuddyError `run_not_found`, `run_ended`, `node_unavailable`
   */
  cancel(id: string, reason?: string): Promise<Run>;
  /**
   * Cancels a run that has not begun. False if it has begun or ended.
   * @throws CodeBuddyError `storage_unavailable`
   */
  withdraw(id: string, reason: string): Promise<boolean>;
  /** Sends a message to a run that has not ended; see `Steering.steer`. */
  steer: Steering['steer'];
  activeCount(): number;
  /** The cost of today (UTC) over all nodes, in US dollars. */
  costToday(): Promise<number>;
  /** Counts since the start of the process, and the unfinished runs by status. */
  stats(): RunStats & { readonly states: RunStateCounts };
  isSessionBusy(sessionId: string): boolean;
  /**
   * Works on a session that has no unfinished run; its new runs wait meanwhile. With several nodes, call `stillIdle`
   * before the change: a run may have begun on another one.
   * @throws CodeBuddyError `session_busy`
   */
  whileIdle<T>(sessionId: string, work: (stillIdle: () => Promise<void>) => Promise<T>): Promise<T>;
  /** True for a run of this node that another one has taken over. */
  isLost(runId: string): boolean;
  /**
   * Continues a run of a dead node here, if it waits for an answer; interrupts any other.
   * @throws CodeBuddyError `run_not_resumable` if another node owns it
   */
  adopt(runId: string): Promise<void>;
  /** Marks the runs that a crash left unfinished as interrupted, and queues those again that survive a restart. */
  recover(): Promise<void>;
  /**
   * Accepts no more runs, waits up to `graceMs` for the working ones, then interrupts them. Runs that survive a restart are
   * left to it.
   */
  close(graceMs: number): Promise<void>;
}
