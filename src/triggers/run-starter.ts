// The part of the agent that triggers use. agent/run-service.ts implements it.

import type { PromptOptions } from '../contract/prompt-options.ts';
import type { SessionOrigin } from '../contract/session.ts';
import type { NewEvent } from '../events/event-log.ts';
import type { Write } from '../store/store.ts';

export interface RunStarter {
  /**
   * @throws CodeBuddyError `session_not_found`, `session_exists` for `claimedName`, `cost_limit_reached`, `too_many_runs`,
   * `shutting_down`, …
   */
  start(request: {
    readonly prompt: string;
    readonly sessionId?: string;
    readonly origin: SessionOrigin;
    /** A name that no other session may have, for a new session. */
    readonly claimedName?: string;
    readonly options: PromptOptions;
    readonly requestId: string;
    readonly runId: string;
    readonly hop: number;
    readonly keyId: string;
    readonly survivesRestart: true;
    readonly together: (run: { readonly runId: string; readonly sessionId: string }) => {
      readonly events: readonly NewEvent[];
      readonly writes: readonly Write[];
    };
  }): Promise<{ readonly run: { readonly id: string; readonly sessionId: string } }>;
  get(id: string): Promise<{ readonly status: string } | undefined>;
  /** Cancels a run that has not begun; false if it has. */
  withdraw(id: string, reason: string): Promise<boolean>;
}
