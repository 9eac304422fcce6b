// Anthropic's messages format: a message is a list of blocks, each started, filled by deltas and stopped.
// https://docs.anthropic.com/en/docs/build-with-claude/streaming

import { field, items, joinNeighbours, message, resultText, string, textOf } from './model-server-json.ts';
import type { FinishReason, ModelMessage } from './model-server-types.ts';
import {
  type CompleteAnswer,
  type CompleteToolCall,
  delta,
  type Frame,
  frame,
  inPieces,
  seal,
  type Wire,
} from './model-server-wire.ts';

export const anthropicWire: Wire = {
  read(body) {
    return {
      model: string(field(body, 'model')),
      isStream: field(body, 'stream') === true,
      system: textOf(field(body, 'system')),
      messages: joinNeighbours(items(field(body, 'messages')).flatMap(readMessage)),
      toolNames: items(field(body, 'tools')).map((tool) => string(field(tool, 'name'))),
    };
  },
  *stream(answer): Generator<Frame> {
    const event = (type: string, data: object): string =>
      `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
    let index = 0;

    const start = { ...messageOf(answer, []), stop_reason: null, usage: usageOf(answer, 1) };
    yield frame(event('message_start', { message: start }));
    yield frame(event('ping', {}));
    if (answer.reasoning !== '') {
      const block = { type: 'thinking', thinking: '', signature: '' };
      yield frame(event('content_block_start', { index, content_block: block }));
      const thinking = { type: 'thinking_delta', thinking: answer.reasoning };
      yield delta(event('content_block_delta', { index, delta: thinking }));
      const signature = { type: 'signature_delta', signature: seal(answer.reasoning) };
      yield frame(event('content_block_delta', { index, delta: signature }));
      yield frame(event('content_block_stop', { index }));
      index++;
    }
    if (answer.text.length > 0) {
      yield frame(event('content_block_start', { index, content_block: { type: 'text', text: '' } }));
      for (const text of answer.text) {
        yield delta(event('content_block_delta', { index, delta: { type: 'text_delta', text } }));
      }
      yield frame(event('content_block_stop', { index }));
      index++;
    }
    for (const call of answer.toolCalls) {
      yield frame(event('content_block_start', { index, content_block: { ...toolUse(call), input: {} } }));
      for (const partial_json of inPieces(call.json, call.pieces)) {
        const change = { type: 'input_json_delta', partial_json };
        yield delta(event('content_block_delta', { index, delta: change }));
      }
      yield frame(event('content_block_stop', { index }));
      index++;
    }
    const end = { stop_reason: STOP_REASONS[answer.finish], stop_sequence: null };
    yield frame(event('message_delta', { delta: end, usage: { output_tokens: answer.usage.output } }));
    yield frame(event('message_stop', {}));
  },
  whole(answer) {
    const text = answer.text.length > 0 ? [{ type: 'text', text: answer.text.join('') }] : [];
    return messageOf(answer, [...text, ...answer.toolCalls.map(toolUse)]);
  },
  error(status, message) {
    const type = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
    return { type: 'error', error: { type, message }, request_id: 'req_test' };
  },
};

const STOP_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  tool_calls: 'tool_use',
  length: 'max_tokens',
  content_filter: 'refusal',
};

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

function messageOf(answer: CompleteAnswer, content: readonly object[]): object {
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content,
    stop_reason: STOP_REASONS[answer.finish],
    stop_sequence: null,
    usage: usageOf(answer, answer.usage.output),
  };
}

function usageOf({ usage }: CompleteAnswer, output: number): object {
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: output,
  };
}

/**
 * In an answer that is not streamed, `input` is JSON and not a string that contains it, so text in its place can only
 * be a string.
 */
function toolUse(call: CompleteToolCall): object {
  return { type: 'tool_use', id: call.id, name: call.name, input: call.arguments };
}

/** A user's message may contain tool results and text; in the uniform view these are two messages. */
function readMessage(given: unknown): readonly ModelMessage[] {
  const content = field(given, 'content');
  const blocks = items(content);
  const results = blocks.filter((block) => field(block, 'type') === 'tool_result');
  const toolResults = results.map((block) => ({
    id: string(field(block, 'tool_use_id')),
    text: resultText(field(block, 'content')),
  }));
  const toolCalls = blocks
    .filter((block) => field(block, 'type') === 'tool_use')
    .map((block) => ({ id: string(field(block, 'id')), name: string(field(block, 'name')) }));
  const text = textOf(content);
  const isOnlyResults = toolResults.length > 0 && results.length === blocks.length;
  return [
    ...(toolResults.length > 0 ? [message('tool', { toolResults })] : []),
    ...(isOnlyResults ? [] : [message(string(field(given, 'role')), { text, toolCalls })]),
  ];
}
