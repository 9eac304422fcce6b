// Answers POST /api/prompt with the host application's `onPrompt` handler: as one JSON object, or as a stream of its
// events.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import type { PromptRequest } from '../../contract/prompt.ts';
import type { PromptOptions } from '../../contract/prompt-options.ts';
import type { PromptResult } from '../../contract/prompt-result.ts';
import type { HttpContext } from '../context.ts';
import type { PromptContext, PromptEvent, PromptHandler } from '../handlers.ts';
import { callerOf } from '../pipeline/caller.ts';
import { toHandlerProblem } from '../pipeline/problem.ts';
import { abortSignalOf } from '../pipeline/request-facts.ts';
import type { EventStream } from '../streaming/sse.ts';
import { openEventStream } from '../streaming/sse.ts';
import { AnswerCollector, completeResult, isEventIterable } from './prompt-result.ts';

/** Calls `onPrompt`. Returns the result, or undefined if the answer was streamed. @throws CodeBuddyError */
export async function answerDelegated(
  context: HttpContext,
  onPrompt: PromptHandler,
  input: PromptRequest,
  request: FastifyRequest,
  reply: FastifyReply,
  asStream: boolean,
): Promise<PromptResult | undefined> {
  const options = input.options ?? {};
  const { keyId, scopes, mayUseTools } = callerOf(request);
  const { permissionMode } = options;
  if (!mayUseTools && (permissionMode === 'auto-edit' || permissionMode === 'full')) {
    throw new CodeBuddyError(
      'insufficient_scope',
      `options.permissionMode ${JSON.stringify(permissionMode)} requires an API key with the scope "tools".`,
    );
  }
  const startedAt = performance.now();
  const limit = new AbortController();
  const { timeoutMs } = options;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          limit.abort(new CodeBuddyError('run_timeout', `The prompt took longer than ${timeoutMs} ms.`));
        }, timeoutMs);
  const signal = abortSignalOf(reply, limit.signal);
  const promptContext: PromptContext = {
    sessionId: input.sessionId ?? makeId('ses'),
    runId: makeId('run'),
    requestId: request.id,
    keyId,
    scopes,
    signal,
  };
  try {
    // A handler that ignores its signal must not delay the answer.
    const answer: unknown = await orAbort(
      Promise.resolve(onPrompt(input.prompt, options, promptContext)),
      signal,
    );
    if (asStream) {
      const stream = openEventStream(request, reply, context);
      const ending = await streamAnswer(context, answer, promptContext, options, stream);
      count(context, ending, startedAt);
      return undefined;
    }
    let result: PromptResult;
    if (isEventIterable(answer)) {
      const collector = new AnswerCollector();
      await eachUntilAbort(answer, signal, (event) => collector.take(event));
      result = collector.result(promptContext, options);
    } else result = completeResult(answer, promptContext, options);
    count(context, result, startedAt);
    return result;
  } catch (error) {
    // After an abort, report its reason and not the error that it caused in the handler.
    const reason: unknown = signal.aborted ? signal.reason : error;
    count(context, toHandlerProblem(reason), startedAt);
    throw reason;
  } finally {
    clearTimeout(timer);
  }
}

/** Counts a prompt by its outcome. */
function count({ metrics }: HttpContext, ending: PromptResult | CodeBuddyError, startedAt: number): void {
  const figures = metrics.delegatedRuns;
  const durationMs = performance.now() - startedAt;
  if (ending instanceof CodeBuddyError) {
    const isLeft = ending.code === 'client_closed_request' || ending.code === 'run_cancelled';
    const isCut = ending.code === 'shutting_down';
    figures.ended(isLeft ? 'cancelled' : isCut ? 'interrupted' : 'failed', durationMs);
  } else {
    figures.spent(ending.model, ending.usage, ending.cost);
    figures.ended('completed', durationMs);
  }
}

/** Sends the events as they come. The last one is `run.complete` or `run.failed`. */
async function streamAnswer(
  context: HttpContext,
  answer: unknown,
  promptContext: PromptContext,
  options: PromptOptions,
  stream: EventStream,
): Promise<PromptResult | CodeBuddyError> {
  const { sessionId, runId } = promptContext;
  const startedAt = performance.now();
  const send = async (type: string, data: unknown): Promise<void> => {
    const timestamp = new Date().toISOString();
    const isTaken = stream.send({ event: type, data: { type, timestamp, sessionId, runId, data } });
    if (!isTaken) await stream.drained();
  };
  try {
    const collector = new AnswerCollector();
    if (isEventIterable(answer)) {
      await eachUntilAbort(answer, AbortSignal.any([promptContext.signal, stream.signal]), async (event) => {
        collector.take(event);
        // The complete event is sent below, with every field.
        if (event.type !== 'run.complete') await send(event.type, event.data);
      });
    } else {
      const { response } = completeResult(answer, promptContext, options);
      await send('message.delta', { text: response });
    }
    const result = isEventIterable(answer)
      ? collector.result(promptContext, options)
      : completeResult(answer, promptContext, options);
    await send('run.complete', { ...result, durationMs: Math.round(performance.now() - startedAt) });
    stream.close();
    return result;
  } catch (thrown) {
    const problem = toHandlerProblem(promptContext.signal.aborted ? promptContext.signal.reason : thrown);
    if (problem.code === 'internal_error') {
      context.logger.error({ requestId: promptContext.requestId, err: causeOf(problem) }, 'internal error');
    }
    await send('run.failed', { code: problem.code, message: problem.message });
    stream.close();
    return problem;
  }
}

function causeOf(problem: Error): object {
  const { cause } = problem;
  return cause instanceof Error ? { message: cause.message, stack: cause.stack } : { message: String(cause) };
}

/** Iterates until an abort. Then calls the iterator's `return()`, so a generator's `finally` runs. */
async function eachUntilAbort(
  events: AsyncIterable<PromptEvent>,
  signal: AbortSignal,
  take: (event: PromptEvent) => void | Promise<void>,
): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  let isDone = false;
  try {
    while (true) {
      const next = await orAbort(iterator.next(), signal);
      if (next.done === true) {
        isDone = true;
        return;
      }
      await take(next.value);
    }
  } finally {
    // Not awaited: a hanging generator must not delay the answer, and its late errors do not matter.
    if (!isDone) Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** Settles like the promise, or rejects with the abort's reason if that comes first. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
