// `POST /v1/chat/completions`: an answer of the agent as a chat completion, whole or in chunks.

import { makeId } from '../base/ids.ts';
import type { Turns } from '../base/turns.ts';
import type { ChatCompletion, ChatRequest } from '../contract/openai-chat.ts';
import { ChatChunks, chatFailure, chatUsage, finishReasonOf } from './chat-chunks.ts';
import { chatConversation } from './chat-conversation.ts';
import { agentModel } from './model-ids.ts';
import { refuseUnsupported } from './parameters.ts';
import { outputFormatOf, underFormat } from './response-format.ts';
import { followSteps } from './run-steps.ts';
import type { AloneAnswer, AnswerStream, Caller, DoorAnswer, DoorServices, StartedRun } from './services.ts';
import { answerAside } from './side-answer.ts';
import { sideTaskOf } from './side-prompt.ts';
import { askedComment, headersOf, resultOf, startRun, waitingComment } from './start-run.ts';

type ChatServices = DoorServices & { readonly turns: Turns };

/** @throws CodeBuddyError */
export async function answerChat(
  services: ChatServices,
  body: ChatRequest,
  caller: Caller,
): Promise<DoorAnswer> {
  refuseUnsupported('chat', body);
  const format = outputFormatOf('chat', body);
  const conversation = chatConversation(body.messages);
  const { model = agentModel } = body;
  const asStream =
    body.stream === true ? { includesUsage: body.stream_options?.include_usage === true } : undefined;
  const task = format === undefined ? sideTaskOf(conversation) : undefined;
  if (task !== undefined) {
    const maxTokens = body.max_completion_tokens ?? body.max_tokens ?? undefined;
    const answer = await answerAside(services, { model, conversation, task, maxTokens }, caller);
    const head = { id: chatId(makeId('run')), created: Math.floor(Date.now() / 1000), model };
    return answerBeside(head, answer, asStream);
  }
  const started = await startRun(services, caller, conversation, { model, format }).catch(
    (error: unknown) => {
      throw underFormat('chat', error);
    },
  );
  const headers = headersOf(started);
  const created = Math.floor(Date.parse(started.run.createdAt) / 1000);
  const head = { id: chatId(started.run.id), created, model };
  if (asStream !== undefined) {
    const chunks = new ChatChunks(head, asStream);
    return {
      kind: 'stream',
      headers,
      failure: chatFailure,
      write: (stream) => writeRun(services, started, chunks, stream, caller),
    };
  }
  const { response, data, usage, finishReason } = await resultOf(started, caller);
  // Clients parse the whole text.
  const content = data === undefined ? response : JSON.stringify(data);
  return { kind: 'body', headers, body: completion(head, content, finishReason, usage) };
}

async function writeRun(
  services: ChatServices,
  { run, afterSequence }: StartedRun,
  chunks: ChatChunks,
  stream: AnswerStream,
  caller: Caller,
): Promise<void> {
  await stream.send([chunks.first()]);
  const steps = followSteps(services, { runId: run.id, after: afterSequence, signal: stream.signal });
  for await (const batch of steps) {
    await stream.send(batch.flatMap((step) => chunks.of(step)));
    for (const step of batch) {
      if (step.kind === 'question') stream.comment(waitingComment(step, caller));
      if (step.kind === 'asked') stream.comment(askedComment(step, caller));
    }
    const last = batch.at(-1);
    if (last?.kind === 'end' && last.end.kind === 'complete') stream.done();
  }
}

/** An answer without a run. */
function answerBeside(
  head: Head,
  { text, usage, finishReason }: AloneAnswer,
  stream: { readonly includesUsage: boolean } | undefined,
): DoorAnswer {
  if (stream === undefined)
    return { kind: 'body', headers: {}, body: completion(head, text, finishReason, usage) };
  const chunks = new ChatChunks(head, stream);
  return {
    kind: 'stream',
    headers: {},
    failure: chatFailure,
    async write(to) {
      await to.send([
        chunks.first(),
        ...chunks.of({ kind: 'text', text }),
        ...chunks.of({ kind: 'end', end: { kind: 'complete', response: text, usage, finishReason } }),
      ]);
      to.done();
    },
  };
}

type Head = Pick<ChatCompletion, 'id' | 'created' | 'model'>;

function completion(
  head: Head,
  content: string,
  finishReason: string,
  usage: AloneAnswer['usage'] | null,
): ChatCompletion {
  return {
    ...head,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: finishReasonOf(finishReason),
      },
    ],
    usage: chatUsage(usage),
  };
}

/** `chatcmpl-…` with the id of the run, so that it can be found in the log. */
function chatId(id: string): string {
  return `chatcmpl-${id.slice(4)}`;
}
