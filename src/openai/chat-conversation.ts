// Reads the messages of a chat completion as a conversation.

import type { ChatMessage } from '../contract/openai-chat.ts';
import { contentOf, textOf } from './content-text.ts';
import { type Conversation, ConversationBuilder } from './conversation.ts';
import { invalidParameter } from './invalid-parameter.ts';

/** @throws CodeBuddyError `validation_failed`, `unsupported_parameter` */
export function chatConversation(messages: readonly ChatMessage[]): Conversation {
  const builder = new ConversationBuilder();
  for (const [index, { role, content, tool_calls, tool_call_id }] of messages.entries()) {
    const pointer = `/messages/${index}/content`;
    if (role === 'user') {
      const { text, parts } = contentOf(content, pointer);
      builder.say(role, text, parts);
      continue;
    }
    const text = textOf(content, pointer);
    if (role === 'system' || role === 'developer') builder.instruct(text);
    else if (role === 'assistant') builder.say(role, text);
    else builder.result(tool_call_id ?? '', text);
    for (const { id, function: call } of tool_calls ?? [])
      if (call !== undefined) builder.call(id, call.name, call.arguments);
  }
  const conversation = builder.build();
  if (conversation === undefined)
    throw invalidParameter('/messages', 'must end with a message of the user that is not blank');
  return conversation;
}
