// Turns the answer of `onPrompt` (text, an object or an async iterable) into a complete PromptResult.

import { CodeBuddyError, isProblemCode, problems } from '../../base/errors.ts';
import type { PromptOptions } from '../../contract/prompt-options.ts';
import type { PromptResult } from '../../contract/prompt-result.ts';
import { wrongReturn } from '../call-handler.ts';
import type { PromptAnswer, PromptContext, PromptEvent } from '../handlers.ts';

/** Fills in missing fields. @throws CodeBuddyError `internal_error` if the answer has no `response` */
export function completeResult(
  answer: unknown,
  context: PromptContext,
  options: PromptOptions,
): PromptResult {
  const given: PromptAnswer = typeof answer === 'string' ? { response: answer } : checked(answer);
  return {
    response: given.response,
    ...(given.data === undefined ? {} : { data: given.data }),
    sessionId: given.sessionId ?? context.sessionId,
    runId: given.runId ?? context.runId,
    model: given.model ?? options.model ?? null,
    usage: given.usage ?? null,
    cost: given.cost ?? null,
    finishReason: given.finishReason ?? 'stop',
  };
}

function checked(answer: unknown): PromptAnswer {
  if (
    typeof answer === 'object' &&
    answer !== null &&
    'response' in answer &&
    typeof answer.response === 'string'
  ) {
    return answer as PromptAnswer;
  }
  throw wrongReturn('onPrompt', 'a string, an object with a string `response`, or an async iterable', answer);
}

/** True for an async iterable. */
export function isEventIterable(value: unknown): value is AsyncIterable<PromptEvent> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Collects the text of `message.delta` events and the fields of `run.complete`. */
export class AnswerCollector {
  private text = '';
  private final: Readonly<Record<string, unknown>> = {};

  /** Adds an event. @throws CodeBuddyError for `run.failed`, TypeError for an invalid event */
  take(event: PromptEvent): void {
    if (typeof event !== 'object' || event === null || typeof event.type !== 'string') {
      throw new TypeError('onPrompt must yield events: {type, data}');
    }
    const data = typeof event.data === 'object' && event.data !== null ? event.data : {};
    if (event.type === 'message.delta' && 'text' in data) this.text += String(data.text);
    else if (event.type === 'run.complete') this.final = { ...data };
    else if (event.type === 'run.failed') {
      const { code, message } = data as Readonly<Record<string, unknown>>;
      if (!isProblemCode(code)) {
        throw new CodeBuddyError('internal_error', 'The run failed.', { cause: event.data });
      }
      throw new CodeBuddyError(code, typeof message === 'string' ? message : problems[code].title);
    }
  }

  /** The result of all events so far. */
  result(context: PromptContext, options: PromptOptions): PromptResult {
    const { response = this.text, ...rest } = this.final;
    return completeResult({ ...rest, response }, context, options);
  }
}
