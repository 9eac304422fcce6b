// A response of the Responses API: the body of `POST /v1/responses`, and the response object. Bodies may have more
// fields than these; src/openai/parameters.ts says which ones are refused.

import { modelNameSchema } from './openai-chat.ts';
import { count, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const nullableFlag = { type: ['boolean', 'null'] } as const;

const inputPartSchema = {
  type: 'object',
  properties: { type: text, text: text, refusal: text },
  required: ['type'],
  additionalProperties: true,
} as const;

export const inputItemSchema = {
  type: 'object',
  title: 'ResponseInputItem',
  properties: {
    type: { ...text, description: 'Default: `message`.' },
    id: text,
    role: text,
    content: { anyOf: [{ type: 'string' }, { type: 'array', items: inputPartSchema }, { type: 'null' }] },
    name: text,
    arguments: text,
    call_id: text,
    output: {},
  },
  additionalProperties: true,
} as const;

export type InputItem = SchemaType<typeof inputItemSchema>;

export const responseRequestSchema = {
  type: 'object',
  title: 'ResponseRequest',
  description:
    'Parameters that this server cannot honour are refused; sampling parameters such as `temperature` are ignored.',
  properties: {
    model: modelNameSchema,
    input: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: inputItemSchema, minItems: 1, maxItems: 10_000 },
      ],
      description: 'The prompt, or a conversation that ends with a message of the user.',
    },
    instructions: nullableText,
    stream: nullableFlag,
    background: { ...nullableFlag, description: 'Answer at once; the run continues without the client.' },
    previous_response_id: {
      type: ['string', 'null'],
      maxLength: 128,
      description: 'The response to continue. A response that is not the last one of its session is forked.',
    },
    include: {
      type: ['array', 'null'],
      items: text,
      description:
        '`function_call_output` reports the tools that ran as `function_call` and `function_call_output` items, instead of `mcp_call`.',
    },
  },
  required: ['input'],
  additionalProperties: true,
} as const;

export type ResponseRequest = SchemaType<typeof responseRequestSchema>;

export const responseStatuses = [
  'queued',
  'in_progress',
  'completed',
  'incomplete',
  'failed',
  'cancelled',
] as const;
export type ResponseStatus = (typeof responseStatuses)[number];

const outputTextSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', const: 'output_text' },
    text: text,
    annotations: { type: 'array', items: {} },
  },
  required: ['type', 'text', 'annotations'],
  additionalProperties: false,
} as const;

const itemStatus = { type: 'string', enum: ['in_progress', 'completed', 'incomplete'] } as const;

export const outputMessageSchema = {
  type: 'object',
  title: 'ResponseOutputMessage',
  properties: {
    type: { type: 'string', const: 'message' },
    id: text,
    status: itemStatus,
    role: { type: 'string', const: 'assistant' },
    content: { type: 'array', items: outputTextSchema },
  },
  required: ['type', 'id', 'status', 'role', 'content'],
  additionalProperties: false,
} as const;

export type OutputMessage = SchemaType<typeof outputMessageSchema>;

export const serverToolCallSchema = {
  type: 'object',
  title: 'ResponseServerToolCall',
  description: 'A tool that this server ran.',
  properties: {
    type: { type: 'string', const: 'mcp_call' },
    id: text,
    status: { type: 'string', enum: ['in_progress', 'completed', 'failed'] },
    server_label: { type: 'string', const: 'codebuddy' },
    name: text,
    arguments: text,
    output: nullableText,
    error: nullableText,
  },
  required: ['type', 'id', 'status', 'server_label', 'name', 'arguments', 'output', 'error'],
  additionalProperties: false,
} as const;

export type ServerToolCall = SchemaType<typeof serverToolCallSchema>;

export const functionCallSchema = {
  type: 'object',
  title: 'ResponseFunctionCall',
  properties: {
    type: { type: 'string', const: 'function_call' },
    id: text,
    call_id: text,
    status: itemStatus,
    name: text,
    arguments: text,
  },
  required: ['type', 'id', 'call_id', 'status', 'name', 'arguments'],
  additionalProperties: false,
} as const;

export type FunctionCall = SchemaType<typeof functionCallSchema>;

export const functionCallOutputSchema = {
  type: 'object',
  title: 'ResponseFunctionCallOutput',
  properties: {
    type: { type: 'string', const: 'function_call_output' },
    id: text,
    call_id: text,
    status: itemStatus,
    output: text,
  },
  required: ['type', 'id', 'call_id', 'status', 'output'],
  additionalProperties: false,
} as const;

export type FunctionCallOutput = SchemaType<typeof functionCallOutputSchema>;

export type OutputItem = OutputMessage | ServerToolCall | FunctionCall | FunctionCallOutput;

const cachedTokensSchema = {
  type: 'object',
  properties: { cached_tokens: count },
  required: ['cached_tokens'],
  additionalProperties: false,
} as const;

const reasoningTokensSchema = {
  type: 'object',
  properties: { reasoning_tokens: count },
  required: ['reasoning_tokens'],
  additionalProperties: false,
} as const;

export const responseUsageSchema = {
  type: ['object', 'null'],
  properties: {
    input_tokens: count,
    input_tokens_details: cachedTokensSchema,
    output_tokens: count,
    output_tokens_details: reasoningTokensSchema,
    total_tokens: count,
  },
  required: [
    'input_tokens',
    'input_tokens_details',
    'output_tokens',
    'output_tokens_details',
    'total_tokens',
  ],
  additionalProperties: false,
} as const;

export const responseSchema = {
  type: 'object',
  title: 'ResponseObject',
  description: 'The work on one prompt, and its answer. Its id is that of the run, with `resp_` for `run_`.',
  properties: {
    id: text,
    object: { type: 'string', const: 'response' },
    created_at: { type: 'integer', description: 'Unix time in seconds.' },
    completed_at: { type: ['integer', 'null'] },
    status: { type: 'string', enum: responseStatuses },
    background: { type: 'boolean' },
    error: {
      type: ['object', 'null'],
      properties: { code: text, message: text },
      required: ['code', 'message'],
      additionalProperties: false,
    },
    incomplete_details: {
      type: ['object', 'null'],
      properties: { reason: text },
      required: ['reason'],
      additionalProperties: false,
    },
    instructions: nullableText,
    max_output_tokens: { type: 'null' },
    metadata: { type: 'object', additionalProperties: true },
    model: text,
    output: {
      type: 'array',
      items: {
        anyOf: [outputMessageSchema, serverToolCallSchema, functionCallSchema, functionCallOutputSchema],
      },
    },
    output_text: { ...text, description: 'The text of the answer.' },
    parallel_tool_calls: { type: 'boolean' },
    previous_response_id: nullableText,
    store: { type: 'boolean', description: 'Always true: the log keeps every run.' },
    temperature: { type: 'null' },
    text: { type: 'object', additionalProperties: true },
    tool_choice: text,
    tools: { type: 'array', items: {} },
    top_p: { type: 'null' },
    truncation: text,
    usage: responseUsageSchema,
  },
  required: [
    'id',
    'object',
    'created_at',
    'completed_at',
    'status',
    'background',
    'error',
    'incomplete_details',
    'instructions',
    'max_output_tokens',
    'metadata',
    'model',
    'output',
    'output_text',
    'parallel_tool_calls',
    'previous_response_id',
    'store',
    'temperature',
    'text',
    'tool_choice',
    'tools',
    'top_p',
    'truncation',
    'usage',
  ],
  additionalProperties: false,
} as const;

/** `output` is a union that the schema's type does not distinguish. */
export type ResponseObject = Omit<SchemaType<typeof responseSchema>, 'output'> & {
  readonly output: readonly OutputItem[];
};

export const deletedResponseSchema = {
  type: 'object',
  title: 'DeletedResponse',
  properties: {
    id: text,
    object: { type: 'string', const: 'response' },
    deleted: { type: 'boolean', const: true },
  },
  required: ['id', 'object', 'deleted'],
  additionalProperties: false,
} as const;

/** The input of a response. */
export const responseInputItemsSchema = {
  type: 'object',
  title: 'ResponseInputItems',
  properties: {
    object: { type: 'string', const: 'list' },
    data: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: text,
          type: { type: 'string', const: 'message' },
          role: { type: 'string', const: 'user' },
          status: { type: 'string', const: 'completed' },
          content: {
            type: 'array',
            items: {
              type: 'object',
              properties: { type: { type: 'string', const: 'input_text' }, text: text },
              required: ['type', 'text'],
              additionalProperties: false,
            },
          },
        },
        required: ['id', 'type', 'role', 'status', 'content'],
        additionalProperties: false,
      },
    },
    first_id: text,
    last_id: text,
    has_more: { type: 'boolean' },
  },
  required: ['object', 'data', 'first_id', 'last_id', 'has_more'],
  additionalProperties: false,
} as const;

export type ResponseInputItems = SchemaType<typeof responseInputItemsSchema>;

export const responseEventSchema = {
  type: 'object',
  title: 'ResponseEvent',
  description: 'An event of a streamed response, such as `response.output_text.delta`.',
  properties: { type: text, sequence_number: count },
  required: ['type', 'sequence_number'],
  additionalProperties: true,
} as const;
