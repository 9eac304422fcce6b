// `POST /v1/responses`: an answer of the agent as a response, whole or as a stream of events.

import { makeId } from '../base/ids.ts';
import type { Turns } from '../base/turns.ts';
import type { ResponseRequest } from '../contract/openai-response.ts';
import { inputConversation } from './input-conversation.ts';
import { unsupportedParameter } from './invalid-parameter.ts';
import { agentModel } from './model-ids.ts';
import { refuseUnsupported } from './parameters.ts';
import { sessionAfter } from './previous-response.ts';
import { ResponseEvents } from './response-events.ts';
import { outputFormatOf, underFormat } from './response-format.ts';
import type { ToolItems } from './response-items.ts';
import { type ResponseFacts, type RunFacts, readOutput, responseObject } from './response-object.ts';
import { ResponseOutput } from './response-output.ts';
import { followSteps, type RunEnd } from './run-steps.ts';
import type { AnswerStream, Caller, DoorAnswer, DoorServices, StartedRun } from './services.ts';
import { answerAside } from './side-answer.ts';
import { sideTaskOf } from './side-prompt.ts';
import { askedComment, headersOf, resultOf, startRun, waitingComment } from './start-run.ts';

type ResponseServices = DoorServices & { readonly turns: Turns };

/** @throws CodeBuddyError */
export async function answerResponse(
  services: ResponseServices,
  body: ResponseRequest,
  caller: Caller,
): Promise<DoorAnswer> {
  refuseUnsupported('responses', body);
  const format = outputFormatOf('responses', body);
  const form = toolItemsOf(body.include);
  const conversation = inputConversation(body);
  const { model = agentModel, previous_response_id: previous } = body;
  const facts: ResponseFacts = {
    model,
    instructions: body.instructions ?? null,
    previousResponseId: previous ?? null,
    background: body.background === true,
  };
  const task = previous == null && format === undefined ? sideTaskOf(conversation) : undefined;
  if (task !== undefined) {
    const answer = await answerAside(services, { model, conversation, task, maxTokens: undefined }, caller);
    return answerBeside(facts, answer.text, answer.usage, body.stream === true);
  }
  const sessionId = previous == null ? undefined : await sessionAfter(services, previous);
  const started = await startRun(services, caller, conversation, {
    model,
    sessionId,
    detached: facts.background,
    format,
  }).catch((error: unknown) => {
    throw underFormat('responses', error);
  });
  const headers = headersOf(started);
  if (body.stream === true) return streamed(services, started, { facts, form, headers, caller });
  if (facts.background) return { kind: 'body', headers, body: responseObject(started.run, facts, []) };
  const { response, usage, finishReason } = await resultOf(started, caller);
  const end: RunEnd = { kind: 'complete', response, usage, finishReason };
  const run = endedRun(started.run, end);
  return { kind: 'body', headers, body: responseObject(run, facts, await readOutput(services, run, form)) };
}

/** @throws CodeBuddyError `unsupported_parameter` for an addition that this server does not have */
function toolItemsOf(include: ResponseRequest['include']): ToolItems {
  for (const [index, name] of (include ?? []).entries()) {
    // Additions that concern what this server never has are already complete.
    if (name === 'function_call_output' || ignored.has(name)) continue;
    throw unsupportedParameter(
      `/include/${index}`,
      `must be "function_call_output", not ${JSON.stringify(name)}.`,
    );
  }
  return include?.includes('function_call_output') === true ? 'function_call' : 'mcp_call';
}

const ignored: ReadonlySet<string> = new Set([
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
  'file_search_call.results',
  'message.input_image.image_url',
  'reasoning.encrypted_content',
  'web_search_call.action.sources',
  'web_search_call.results',
]);

interface StreamOptions {
  readonly facts: ResponseFacts;
  readonly form: ToolItems;
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
}

function streamed(services: ResponseServices, started: StartedRun, options: StreamOptions): DoorAnswer {
  const events = new ResponseEvents();
  return {
    kind: 'stream',
    headers: options.headers,
    failure: (code, message) => events.failure(code, message),
    write: (stream) => writeEvents(services, started, events, stream, options),
  };
}

async function writeEvents(
  services: ResponseServices,
  { run, afterSequence }: StartedRun,
  events: ResponseEvents,
  stream: AnswerStream,
  { facts, form, caller }: StreamOptions,
): Promise<void> {
  const output = new ResponseOutput(run.id, form);
  const beginning = responseObject({ ...run, status: 'running' }, facts, []);
  await stream.send([
    events.whole('response.created', beginning),
    events.whole('response.in_progress', beginning),
  ]);
  const steps = followSteps(services, { runId: run.id, after: afterSequence, signal: stream.signal });
  for await (const batch of steps) {
    const messages = batch.flatMap((step) => {
      const changes = output.take(step).flatMap((change) => events.of(change));
      if (step.kind !== 'end') return changes;
      const ended = responseObject(endedRun(run, step.end), facts, output.items);
      const { status } = ended;
      const type = status === 'completed' || status === 'incomplete' ? status : 'failed';
      return [...changes, events.whole(`response.${type}`, ended)];
    });
    await stream.send(messages);
    // Clients of OpenAI refuse types of events that they do not know.
    for (const step of batch) {
      if (step.kind === 'question') stream.comment(waitingComment(step, caller));
      if (step.kind === 'asked') stream.comment(askedComment(step, caller));
    }
  }
}

function endedRun(run: RunFacts, end: RunEnd): RunFacts {
  const endedAt = new Date().toISOString();
  switch (end.kind) {
    case 'complete': {
      const { response, usage, finishReason } = end;
      return { ...run, status: 'completed', endedAt, response, usage, finishReason, error: null };
    }
    case 'failed':
      return { ...run, status: 'failed', endedAt, error: { code: end.code, message: end.message } };
    case 'cancelled':
      return { ...run, status: 'cancelled', endedAt };
  }
}

/** An answer without a run. It cannot be retrieved later. */
function answerBeside(
  facts: ResponseFacts,
  response: string,
  usage: RunFacts['usage'],
  asStream: boolean,
): DoorAnswer {
  const now = new Date().toISOString();
  const run: RunFacts = {
    id: makeId('run'),
    status: 'completed',
    createdAt: now,
    endedAt: now,
    usage,
    finishReason: 'stop',
    error: null,
    response,
  };
  const output = new ResponseOutput(run.id, 'mcp_call');
  const changes = [
    ...output.take({ kind: 'text', text: response }),
    ...output.take({ kind: 'text_end', text: response }),
  ];
  const ended = responseObject(run, facts, output.items);
  if (!asStream) return { kind: 'body', headers: {}, body: ended };
  const events = new ResponseEvents();
  return {
    kind: 'stream',
    headers: {},
    failure: (code, message) => events.failure(code, message),
    write: (stream) =>
      stream.send([
        events.whole('response.created', responseObject({ ...run, status: 'running' }, facts, [])),
        ...changes.flatMap((change) => events.of(change)),
        events.whole('response.completed', ended),
      ]),
  };
}
