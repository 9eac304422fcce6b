// How a run ended: an answer, or a failure with the command that goes on from there.

import type { StreamEvent } from '../client/index.ts';
import { PromptFailure } from './exit-codes.ts';

/** Endings of `run.complete` that are not an answer. Those of a host's own agent that are not known here count as one. */
const unfinished: Readonly<Record<string, string>> = {
  error: 'a step failed; the answer says which',
  max_steps: 'stopped before it was done: the limit of steps (--max-steps) was reached',
  token_limit: 'stopped before it was done: the limit of tokens was reached',
  cost_limit: 'stopped before it was done: the limit of cost was reached',
  length: 'the answer was cut off: the model had no more room for it',
  content_filter: "the answer was withheld by the provider's content filter",
};

/** Undefined for an answer, and for events that end no run. */
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
        : [`go on with: codebuddy prompt --session ${sessionId} 'go on'`];
    return new PromptFailure(reason, `${message} (${reason})`, { hints, more: ids });
  }
  if (type === 'run.cancelled') return new PromptFailure('run_cancelled', String(data.reason), { more: ids });
  if (type !== 'run.failed') return undefined;
  const code = String(data.code);
  const resume = runId === undefined ? [] : [`codebuddy runs resume ${runId}`];
  const hints =
    data.interrupted === true
      ? resume.map((command) => `start the server again, then go on with: ${command}`)
      : resume.map((command) => `try again from there: ${command}`);
  return new PromptFailure(code, `${String(data.message)} (${code})`, { hints, more: ids });
}

/** The server went away in the middle. */
export function cutOff(runId: string | undefined, cause: unknown): PromptFailure {
  const what = cause instanceof Error ? cause.message : 'the server stopped before the run ended';
  const hints =
    runId === undefined
      ? []
      : [
          `when the server runs again: codebuddy runs show ${runId}, and to go on: codebuddy runs resume ${runId}`,
        ];
  return new PromptFailure('server_unreachable', what, {
    hints,
    more: runId === undefined ? {} : { runId },
    cause,
  });
}
