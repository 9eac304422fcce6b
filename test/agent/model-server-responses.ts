// OpenAI's responses format, which xAI uses too. A response is a list of items, each opened, filled by deltas and
// closed. https://platform.openai.com/docs/api-reference/responses-streaming

import { field, items, joinNeighbours, message, resultText, string, textOf } from './model-server-json.ts';
import { isSystem, openAiError } from './model-server-openai.ts';
import type { ModelMessage } from './model-server-types.ts';
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

export function createResponsesWire(): Wire {
  /** Stored responses in OpenAI's sense: clients send a reference instead of a text that they got from here. */
  const storedTexts = new Map<string, string>();
  const store = (answer: CompleteAnswer, body: unknown): void => {
    if (field(body, 'store') !== false) storedTexts.set(messageId(answer), answer.text.join(''));
  };
  return {
    read(body) {
      const input = field(body, 'input');
      const given = typeof input === 'string' ? [{ role: 'user', content: input }] : items(input);
      return {
        model: string(field(body, 'model')),
        isStream: field(body, 'stream') === true,
        system: [
          string(field(body, 'instructions')),
          ...given.filter(isSystem).map((each) => textOf(field(each, 'content'))),
        ]
          .filter(Boolean)
          .join('\n'),
        messages: joinNeighbours(
          given.filter((each) => !isSystem(each)).flatMap((each) => readItem(each, storedTexts)),
        ),
        toolNames: items(field(body, 'tools')).map((tool) => string(field(tool, 'name'))),
      };
    },
    *stream(answer, body): Generator<Frame> {
      store(answer, body);
      let sequence = 0;
      const event = (type: string, data: object): string =>
        `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`;
      let index = 0;

      yield frame(event('response.created', { response: responseOf(answer, 'in_progress') }));
      yield frame(event('response.in_progress', { response: responseOf(answer, 'in_progress') }));
      if (answer.reasoning !== '') {
        const id = `rs_${answer.id}`;
        const at = { item_id: id, output_index: index, summary_index: 0 };
        const part = { type: 'summary_text', text: answer.reasoning };
        const open = {
          type: 'reasoning',
          id,
          summary: [],
          status: 'completed',
          encrypted_content: seal('open'),
        };
        yield frame(event('response.output_item.added', { output_index: index, item: open }));
        yield frame(event('response.reasoning_summary_part.added', { ...at, part: { ...part, text: '' } }));
        yield delta(event('response.reasoning_summary_text.delta', { ...at, delta: part.text }));
        yield frame(event('response.reasoning_summary_text.done', { ...at, text: part.text }));
        yield frame(event('response.reasoning_summary_part.done', { ...at, part }));
        const done = { ...open, summary: [part], encrypted_content: seal(part.text) };
        yield frame(event('response.output_item.done', { output_index: index, item: done }));
        index++;
      }
      if (answer.text.length > 0) {
        const text = answer.text.join('');
        const id = messageId(answer);
        const at = { item_id: id, output_index: index, content_index: 0 };
        const open = { ...messageItem(answer, 'in_progress'), content: [] };
        yield frame(event('response.output_item.added', { output_index: index, item: open }));
        yield frame(event('response.content_part.added', { ...at, part: textPart('') }));
        for (const piece of answer.text) {
          yield delta(event('response.output_text.delta', { ...at, delta: piece, logprobs: [] }));
        }
        yield frame(event('response.output_text.done', { ...at, text, logprobs: [] }));
        yield frame(event('response.content_part.done', { ...at, part: textPart(text) }));
        const done = messageItem(answer, 'completed');
        yield frame(event('response.output_item.done', { output_index: index, item: done }));
        index++;
      }
      for (const call of answer.toolCalls) {
        const at = { item_id: itemId(call), output_index: index };
        const { argument, events } = isCustom(call, body) ? CUSTOM_CALL : FUNCTION_CALL;
        const done = callItem(call, 'completed', body);
        const open = { ...done, status: 'in_progress', [argument]: '' };
        yield frame(event('response.output_item.added', { output_index: index, item: open }));
        for (const piece of inPieces(call.json, call.pieces)) {
          yield delta(event(`response.${events}.delta`, { ...at, delta: piece }));
        }
        yield frame(event(`response.${events}.done`, { ...at, [argument]: call.json }));
        yield frame(event('response.output_item.done', { output_index: index, item: done }));
        index++;
      }
      const type = INCOMPLETE[answer.finish] === undefined ? 'response.completed' : 'response.incomplete';
      yield frame(event(type, { response: wholeResponse(answer, body) }));
    },
    whole(answer, body) {
      store(answer, body);
      return wholeResponse(answer, body);
    },
    error: openAiError,
  };
}

const INCOMPLETE: Readonly<Record<string, string>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
};

function responseOf(answer: CompleteAnswer, status: string): object {
  return {
    id: answer.id,
    object: 'response',
    created_at: 1_700_000_000,
    status,
    error: null,
    incomplete_details: null,
    model: answer.model,
    output: [],
    usage: null,
  };
}

function wholeResponse(answer: CompleteAnswer, body: unknown): object {
  const { input, output } = answer.usage;
  const reason = INCOMPLETE[answer.finish];
  return {
    ...responseOf(answer, reason === undefined ? 'completed' : 'incomplete'),
    incomplete_details: reason === undefined ? null : { reason },
    output: [
      ...(answer.text.length > 0 ? [messageItem(answer, 'completed')] : []),
      ...answer.toolCalls.map((call) => callItem(call, 'completed', body)),
    ],
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + output,
    },
  };
}

function messageId(answer: CompleteAnswer): string {
  return `msg_${answer.id}`;
}

function itemId(call: CompleteToolCall): string {
  return `fc_${call.id}`;
}

function textPart(text: string): object {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

function messageItem(answer: CompleteAnswer, status: string): object {
  const content = [textPart(answer.text.join(''))];
  return { type: 'message', id: messageId(answer), status, role: 'assistant', content };
}

const FUNCTION_CALL = {
  type: 'function_call',
  argument: 'arguments',
  events: 'function_call_arguments',
} as const;

/** A custom tool takes any text in place of JSON. */
const CUSTOM_CALL = {
  type: 'custom_tool_call',
  argument: 'input',
  events: 'custom_tool_call_input',
} as const;

function isCustom(call: CompleteToolCall, body: unknown): boolean {
  return items(field(body, 'tools')).some(
    (tool) => field(tool, 'type') === 'custom' && field(tool, 'name') === call.name,
  );
}

function callItem(call: CompleteToolCall, status: string, body: unknown): object {
  const { id, name, json } = call;
  const { type, argument } = isCustom(call, body) ? CUSTOM_CALL : FUNCTION_CALL;
  return { type, id: itemId(call), call_id: id, name, [argument]: json, status };
}

function readItem(item: unknown, storedTexts: ReadonlyMap<string, string>): readonly ModelMessage[] {
  const id = string(field(item, 'call_id'));
  switch (field(item, 'type')) {
    case 'function_call':
    case 'custom_tool_call':
      return [message('assistant', { toolCalls: [{ id, name: string(field(item, 'name')) }] })];
    case 'function_call_output':
    case 'custom_tool_call_output':
      return [message('tool', { toolResults: [{ id, text: resultText(field(item, 'output')) }] })];
    case 'item_reference': {
      const text = storedTexts.get(string(field(item, 'id')));
      return text === undefined ? [] : [message('assistant', { text })];
    }
    case undefined:
    case 'message':
      return [message(string(field(item, 'role')), { text: textOf(field(item, 'content')) })];
    default:
      // Reasoning and similar items are not part of the uniform view.
      return [];
  }
}
