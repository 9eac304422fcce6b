// Answers a prompt about a conversation, such as for its title: by the language model alone, or by a rule.

import type { Conversation } from './conversation.ts';
import { optionsOf } from './model-ids.ts';
import type { AloneAnswer, Caller, DoorServices } from './services.ts';
import { answerByRule, type SideTask } from './side-prompt.ts';

export interface SideRequest {
  /** An id of `GET /v1/models`. */
  readonly model: string;
  readonly conversation: Conversation;
  readonly task: SideTask;
  readonly maxTokens: number | undefined;
}

/** @throws CodeBuddyError `model_not_found`, and those of the model */
export async function answerAside(
  { answerAlone }: Pick<DoorServices, 'answerAlone'>,
  { model, conversation: { system, prompt }, task, maxTokens }: SideRequest,
  { gone }: Caller,
): Promise<AloneAnswer> {
  const answer = await answerAlone({
    model: optionsOf(model).model,
    system,
    messages: [{ role: 'user', content: prompt }],
    maxTokens,
    signal: gone,
  });
  if (answer !== undefined) return answer;
  const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
  return { text: answerByRule(task, prompt), usage, finishReason: 'stop' };
}
