// The answer to a request that failed: a problem document (RFC 9457), or an error in the form of the OpenAI API below
// `/v1`.

import type { CodeBuddyError } from '../../base/errors.ts';
import type { Span } from '../../base/tracing.ts';
import { openAiErrorMedia, openAiErrorOf, openAiStatusOf } from './openai-error.ts';
import { problemBody, problemType } from './problem.ts';

export interface ProblemAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** `speaksOpenAi`: whether the request is for a route of the OpenAI API. */
export function problemAnswer(
  problem: CodeBuddyError,
  {
    requestId,
    speaksOpenAi,
    span,
  }: { readonly requestId: string; readonly speaksOpenAi: boolean; readonly span?: Span | null },
): ProblemAnswer {
  return speaksOpenAi
    ? {
        status: openAiStatusOf(problem.code),
        contentType: openAiErrorMedia,
        body: JSON.stringify(openAiErrorOf(problem)),
      }
    : {
        status: problem.status,
        contentType: problemType,
        body: problemBody(problem, requestId, span?.context?.traceId),
      };
}
