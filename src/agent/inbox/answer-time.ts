// How long runs wait for answers, and what happens then: options of the prompt, else settings of the server.

import { CodeBuddyError } from '../../base/errors.ts';
import type { UnansweredAction } from '../../contract/answer-time.ts';
import type { PromptOptions } from '../../contract/prompt-options.ts';

export interface AnswerTime {
  /** In ms; null for no limit. */
  readonly answerWithinMs: number | null;
  readonly onUnanswered: UnansweredAction;
}

export function answerTimeOf(
  { permissionTimeoutMs, onUnanswered }: PromptOptions,
  defaults: AnswerTime,
): AnswerTime {
  return {
    answerWithinMs: permissionTimeoutMs === undefined ? defaults.answerWithinMs : permissionTimeoutMs,
    onUnanswered: onUnanswered ?? defaults.onUnanswered,
  };
}

/** Ends a run with `onUnanswered: "fail"`. */
export function unanswered(what: string): CodeBuddyError {
  return new CodeBuddyError('unanswered', `${what} was not answered in time (options.permissionTimeoutMs).`);
}
