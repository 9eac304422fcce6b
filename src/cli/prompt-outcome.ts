// Describes how a run ended: with an answer, or with a failure and the command that continues from there.

import type { StreamEvent } from '../client/index.ts';
import { PromptFailure } from './exit-codes.ts';

/**
 * Finish reasons of `run.complete` without a complete answer. Unknown reasons, from a host's own agent, count as
 * complete.
 */
const unfinished: Readonly<Record<string, string>> = {
  error: 'A step failed; see the answer',
  max_steps: 'Incomplete: the step limit (--max-steps) was reached',
  token_limit: 'Incomplete: the token limit was reached',
  cost_limit: 'Incomplete: the cost limit was reached',
  length: 'Incomplete: the model reached its maximum output length',
  content_filter: "The provider's content filter withheld the answer",
};

/** Returns undefined for a complete answer, and for events that do not end a run. */
export function failureOf({ type, data, runId, sessionId }: StreamEvent): PromptFailure | undefined {
  const ids = {
    ...(runId === undefined ? {} : { runId }),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
  if (type === 'run.complete') {
    const reason = String(data.finishReason);
    const message = Object.hasOwn(unfinished, reason) ? unfinished[reason] : undefined;
    if (message === undefined) return undefined;
    const hints =
      sessionId === undefined || reason === 'error'
        ? []
        : [`To continue: codebuddy prompt --session ${sessionId} 'continue'`];
    return new PromptFailure(reason, `${message} (${reason})`, { hints, more: ids });
  }
  if (type === 'run.cancelled') return new PromptFailure('run_cancelled', String(data.reason), { more: ids });
  if (type !== 'run.failed') return undefined;
  const code = String(data.code);
  const resume = runId === undefined ? [] : [`codebuddy runs resume ${runId}`];
  const hints =
    data.interrupted === true
      ? resume.map((command) => `Start the server again, then: ${command}`)
      : resume.map((command) => `To resume: ${command}`);
  return new PromptFailure(code, `${String(data.message)} (${code})`, { hints, more: ids });
}

/** The error for a stream that ended before its run. */
export function cutOff(runId: string | undefined, cause: unknown): PromptFailure {
  const what = cause instanceof Error ? cause.message : 'The server stopped before the run ended.';
  const hints =
    runId === undefined
      ? []
      : [
          `When the server runs again: codebuddy runs show ${runId}; to resume: codebuddy runs resume ${runId}`,
        ];
  return new PromptFailure('server_unreachable', what, {
    hints,
    more: runId === undefined ? {} : { runId },
    cause,
  });
}
