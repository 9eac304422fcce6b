// OpenAI's chat completions format, which LM Studio, Ollama, vLLM, OpenRouter and others use too.
// https://platform.openai.com/docs/api-reference/chat

import { field, items, joinNeighbours, message, resultText, string, textOf } from './model-server-json.ts';
import type { ModelMessage } from './model-server-types.ts';
import { type CompleteAnswer, delta, type Frame, frame, inPieces, type Wire } from './model-server-wire.ts';

export const openAiWire: Wire = {
  read(body) {
    const messages = items(field(body, 'messages'));
    return {
      model: string(field(body, 'model')),
      isStream: field(body, 'stream') === true,
      system: messages
        .filter(isSystem)
        .map((each) => textOf(field(each, 'content')))
        .join('\n'),
      messages: joinNeighbours(messages.filter((each) => !isSystem(each)).map(readMessage)),
      toolNames: items(field(body, 'tools')).map((tool) => string(field(field(tool, 'function'), 'name'))),
    };
  },
  *stream(answer, body): Generator<Frame> {
    const isUsageWanted = field(field(body, 'stream_options'), 'include_usage') === true;
    const event = (choices: readonly object[], usage: object | null = null): string =>
      `data: ${JSON.stringify({
        id: answer.id,
        object: 'chat.completion.chunk',
        created: 1_700_000_000,
        model: answer.model,
        choices,
        ...(isUsageWanted ? { usage } : {}),
      })}\n\n`;
    const step = (change: object): string => event([{ index: 0, delta: change, finish_reason: null }]);

    yield frame(step({ role: 'assistant', content: answer.text.length > 0 ? '' : null }));
    if (answer.reasoning !== '') yield delta(step({ reasoning_content: answer.reasoning }));
    for (const text of answer.text) yield delta(step({ content: text }));
    for (const [index, call] of answer.toolCalls.entries()) {
      const start = {
        index,
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: '' },
      };
      yield frame(step({ tool_calls: [start] }));
      for (const piece of inPieces(call.json, call.pieces)) {
        yield delta(step({ tool_calls: [{ index, function: { arguments: piece } }] }));
      }
    }
    yield frame(event([{ index: 0, delta: {}, finish_reason: answer.finish }]));
    if (isUsageWanted) yield frame(event([], usageOf(answer)));
    yield frame('data: [DONE]\n\n');
  },
  whole(answer) {
    return {
      id: answer.id,
      object: 'chat.completion',
      created: 1_700_000_000,
      model: answer.model,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: answer.text.length > 0 ? answer.text.join('') : null,
            refusal: null,
            ...(answer.toolCalls.length > 0
              ? {
                  tool_calls: answer.toolCalls.map((call) => ({
                    id: call.id,
                    type: 'function',
                    function: { name: call.name, arguments: call.json },
                  })),
                }
              : {}),
          },
          finish_reason: answer.finish,
        },
      ],
      usage: usageOf(answer),
    };
  },
  error: openAiError,
};

/** The same in both of OpenAI's formats. */
export function openAiError(status: number, message: string): object {
  const [type, code] = ERRORS[status] ?? [status < 500 ? 'invalid_request_error' : 'server_error', null];
  return { error: { message, type, param: null, code } };
}

const ERRORS: Readonly<Record<number, readonly [string, string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['requests', 'rate_limit_exceeded'],
};

function usageOf({ usage }: CompleteAnswer): object {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

/** Newer models call it `developer`. */
export function isSystem(message: unknown): boolean {
  return ['system', 'developer'].includes(string(field(message, 'role')));
}

function readMessage(given: unknown): ModelMessage {
  const role = string(field(given, 'role'));
  const content = field(given, 'content');
  if (role === 'tool') {
    const id = string(field(given, 'tool_call_id'));
    return message('tool', { toolResults: [{ id, text: resultText(content) }] });
  }
  return message(role, {
    text: textOf(content),
    toolCalls: items(field(given, 'tool_calls')).map((call) => ({
      id: string(field(call, 'id')),
      name: string(field(field(call, 'function'), 'name')),
    })),
  });
}
