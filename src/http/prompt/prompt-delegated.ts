// POST /api/prompt answered by the host's onPrompt: as one JSON object, or as a stream of its events.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { PromptOptions, PromptRequest } from '../../contract/prompt.ts';
import type { PromptResult } from '../../contract/prompt-result.ts';
import { makeId } from '../../events/ids.ts';
import type { HttpContext } from '../context.ts';
import type { PromptContext, PromptEvent, PromptHandler } from '../handlers.ts';
import { callerOf } from '../pipeline/caller.ts';
import { toHandlerProblem } from '../pipeline/problem.ts';
import { abortSignalOf } from '../pipeline/request-facts.ts';
import type { EventStream } from '../streaming/sse.ts';
import { openEventStream } from '../streaming/sse.ts';
import { AnswerCollector, completeResult, isEventIterable } from './prompt-result.ts';

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
      `options.permissionMode ${JSON.stringify(permissionMode)} needs a key with the scope "tools".`,
    );
  }
  const startedAt = performance.now();
  const limit = new AbortController();
  const { timeoutMs } = options;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          limit.abort(new CodeBuddyError('run_timeout', `The prompt took longer than ${timeoutMs} ms`));
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
    // A handler that does not heed its signal must not hold the answer back.
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
    // What the handler throws because it was told to stop is not news; why it was told is.
    const reason: unknown = signal.aborted ? signal.reason : error;
    count(context, toHandlerProblem(reason), startedAt);
    throw reason;
  } finally {
    clearTimeout(timer);
  }
}

/** Counts a prompt by how it ended. */
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

/** The events as they come, ended by `run.complete` or `run.failed`. */
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
        // Ours is the last word; it has every field.
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
      context.logger.error({ requestId: promptContext.requestId, err: causeOf(problem) }, 'fault');
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

/** Iterates, but not past an abort; the iterator is told, so that a generator's `finally` runs. */
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
    // Not awaited: a generator that hangs would hold us; its late failure concerns nobody.
    if (!isDone) Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** The promise, or the abort's reason if that comes first. */
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
