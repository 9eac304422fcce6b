// Answers POST /api/prompt with the run service: waits for the result, streams the run's events, or returns the queued
// run (202).

import type { FastifyReply, FastifyRequest } from 'fastify';
import { runEndEvents } from '../../contract/event-catalogue.ts';
import type { CompletedPrompt, PromptRequest, WaitingRun } from '../../contract/prompt.ts';
import type { Run } from '../../contract/run.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { keepAnswer, onlyChange } from '../pipeline/idempotency.ts';
import { abortSignalOf, factsOf } from '../pipeline/request-facts.ts';
import type { RunService, StartedRun } from '../services.ts';
import { openEventStream, requireRoomForStream } from '../streaming/sse.ts';
import { followLog } from '../streaming/sse-log.ts';
import { startWithWebhook } from './prompt-webhook.ts';

/** When the run continues after the client has left. */
export interface Leaving {
  /** Always. */
  readonly detach: boolean;
  /** Once it waits for approval. */
  readonly keepWaiting: boolean;
}

/** Wait for the result, stream the events, or return at once. */
export type PromptMode = 'wait' | 'stream' | 'leave';

/**
 * Starts a run and answers as `mode` says. Undefined if the answer was streamed.
 * @throws CodeBuddyError of `runs.start`, or the error that ended the run
 */
export async function answerByRun(
  context: HttpContext,
  runs: RunService,
  input: PromptRequest,
  request: FastifyRequest,
  reply: FastifyReply,
  mode: PromptMode,
  { detach, keepWaiting }: Leaving,
): Promise<CompletedPrompt | Run | WaitingRun | undefined> {
  // Before the run starts: a run whose events cannot be received must not keep working.
  if (mode === 'stream') requireRoomForStream(request, context);
  const { keyId, mayUseTools } = callerOf(request);
  const start = {
    prompt: input.prompt,
    ...(input.parts === undefined ? {} : { parts: input.parts }),
    ...(input.sessionId === undefined ? {} : { sessionId: input.sessionId }),
    ...(input.createSession === true ? { createSession: true } : {}),
    options: input.options ?? {},
    ...(input.tools === undefined ? {} : { tools: input.tools }),
    requestId: request.id,
    hop: factsOf(request).hop,
    keyId,
    mayUseTools,
  };
  const { webhook } = input;
  const started = await onlyChange(request, () =>
    webhook === undefined ? runs.start(start) : startWithWebhook(context, runs, start, webhook),
  );
  // Only the mode `wait` needs the error.
  started.result.catch(() => undefined);
  if (mode === 'leave') {
    reply
      .code(202)
      .header('Location', `/api/runs/${started.run.id}`)
      .header('Preference-Applied', 'respond-async');
    return started.run;
  }
  if (detach) leaveRunning(started, request, reply);
  else cancelWithClient(context, runs, started, reply, keepWaiting);
  if (mode === 'wait') return resultOrQuestion(started, reply);
  await followRun(context, started, request, reply);
  return undefined;
}

/** Resolves with the result, or with what the run waits for as soon as it waits. */
async function resultOrQuestion(
  { result, waits, run }: StartedRun,
  reply: FastifyReply,
): Promise<CompletedPrompt | WaitingRun> {
  if (waits === undefined) return { status: 'completed', ...(await result) };
  const first = await Promise.race([
    result.then((answer) => ({ kind: 'answer', answer }) as const),
    waits.then((item) => ({ kind: 'question', item }) as const),
  ]);
  if (first.kind === 'answer') return { status: 'completed', ...first.answer };
  reply.code(202).header('Location', `/api/runs/${run.id}`);
  const { kind: _kind, ...waitingFor } = first.item;
  return { runId: run.id, sessionId: run.sessionId, status: 'waiting', ...waitingFor };
}

/** A client that lost the answer, and repeats its request, gets the run and can follow its events. */
function leaveRunning({ run }: StartedRun, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('Preference-Applied', 'detach');
  // Not awaited: the first deltas must not be missed. Never rejects.
  void keepAnswer(request, {
    status: 202,
    headers: { 'content-type': 'application/json; charset=utf-8', location: `/api/runs/${run.id}` },
    body: JSON.stringify(run),
  });
}

/**
 * Cancels the run when the client disconnects. Clients that want the run to continue ask for `respond-async`. With
 * `keepWaiting`, the run is no longer cancelled once it waits for approval.
 */
function cancelWithClient(
  context: HttpContext,
  runs: RunService,
  started: StartedRun,
  reply: FastifyReply,
  keepWaiting: boolean,
): void {
  const gone = abortSignalOf(reply);
  const { id } = started.run;
  const cancel = (): void => {
    // A stopping server closes connections too; then the client did not leave.
    if (context.shutdown.aborted) return;
    runs.cancel(id, 'The client disconnected.').catch(() => undefined);
  };
  if (gone.aborted) cancel();
  gone.addEventListener('abort', cancel, { once: true });
  const settled = (): void => gone.removeEventListener('abort', cancel);
  started.result.then(settled, settled);
  if (keepWaiting) started.waits?.then(settled, settled);
}

async function followRun(
  context: HttpContext,
  started: StartedRun,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { events } = context.services;
  const { id: runId } = started.run;
  reply.header('Location', `/api/runs/${runId}`);
  const stream = openEventStream(request, reply, context);
  if (events === undefined) {
    await started.result.then(
      (result) => stream.send({ event: 'run.complete', data: { type: 'run.complete', runId, data: result } }),
      (error: unknown) =>
        stream.send({ event: 'run.failed', data: { type: 'run.failed', runId, data: failureOf(error) } }),
    );
    stream.close();
    return;
  }
  const batches = events.subscribeInBatches({
    runId,
    after: started.afterSequence,
    deltas: true,
    signal: stream.signal,
  });
  await followLog(stream, batches, context, {
    historyEnd: started.afterSequence,
    endsAfter: ({ type }) => endTypes.has(type),
  });
}

const endTypes: ReadonlySet<string> = new Set(runEndEvents);

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal_error';
  return { code, message: error instanceof Error ? error.message : 'The run failed.' };
}
