// Reads the input of a response as a conversation.

import type { InputItem, ResponseRequest } from '../contract/openai-response.ts';
import { contentOf, textOf } from './content-text.ts';
import { type Conversation, ConversationBuilder } from './conversation.ts';
import { invalidParameter, unsupportedParameter } from './invalid-parameter.ts';

/** @throws CodeBuddyError `validation_failed`, `unsupported_parameter` */
export function inputConversation({ input, instructions }: ResponseRequest): Conversation {
  const builder = new ConversationBuilder();
  builder.instruct(instructions ?? '');
  if (typeof input === 'string') builder.say('user', input);
  else for (const [index, item] of input.entries()) take(builder, item, `/input/${index}`);
  const conversation = builder.build();
  if (conversation === undefined)
    throw invalidParameter('/input', 'must be a text, or end with a message of the user, that is not blank');
  return conversation;
}

function take(builder: ConversationBuilder, item: InputItem, pointer: string): void {
  const { type = 'message', role, content, name = 'unknown', call_id = '', id = '' } = item;
  switch (type) {
    case 'message':
      if (role === 'user') {
        const { text, parts } = contentOf(content, `${pointer}/content`);
        builder.say(role, text, parts);
      } else takeMessage(builder, role, textOf(content, `${pointer}/content`), pointer);
      break;
    case 'function_call':
      builder.call(call_id, name, item.arguments ?? '{}');
      break;
    case 'function_call_output':
      builder.result(call_id, outputOf(item.output));
      break;
    case 'mcp_call':
      builder.call(id, name, item.arguments ?? '{}');
      builder.result(id, outputOf(item.output));
      break;
    case 'reasoning':
      // Only the model that wrote it can use it.
      break;
    case 'item_reference':
      throw unsupportedParameter(
        pointer,
        'refers to a stored item, which is not supported. Send the item itself, or use previous_response_id.',
      );
    default:
      throw unsupportedParameter(pointer, `has the type ${JSON.stringify(type)}, which is not supported.`);
  }
}

function takeMessage(
  builder: ConversationBuilder,
  role: string | undefined,
  text: string,
  pointer: string,
): void {
  if (role === 'system' || role === 'developer') builder.instruct(text);
  else if (role === 'assistant') builder.say(role, text);
  else
    throw invalidParameter(
      `${pointer}/role`,
      `must be "user", "assistant", "system" or "developer", not ${JSON.stringify(role)}`,
    );
}

function outputOf(output: unknown): string {
  return typeof output === 'string' ? output : (JSON.stringify(output) ?? '');
}
