// The error of a failed or cancelled run: the same code and status that a plain request would get.

import { CodeBuddyApiError } from './errors.ts';

/** The run failed or was cancelled. `runId` names it; `runs.resume` continues an interrupted or failed one. */
export class CodeBuddyRunError extends CodeBuddyApiError {
  readonly runId: string | undefined;
  readonly sessionId: string | undefined;

  constructor(
    status: number,
    problem: ConstructorParameters<typeof CodeBuddyApiError>[1],
    { runId, sessionId }: { readonly runId?: string; readonly sessionId?: string },
  ) {
    super(status, problem);
    this.runId = runId;
    this.sessionId = sessionId;
  }
}
