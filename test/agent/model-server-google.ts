// Google's generateContent format: each event is a complete answer that contains the next parts; the last one has the
// usage. https://ai.google.dev/api/generate-content

import { callParts, wholeCall } from './model-server-google-calls.ts';
import { field, items, joinNeighbours, message, resultText, string, textOf } from './model-server-json.ts';
import type { FinishReason, ModelMessage } from './model-server-types.ts';
import { type CompleteAnswer, delta, type Frame, frame, seal, type Wire } from './model-server-wire.ts';

export const googleWire: Wire = {
  read(body, path) {
    const [, model = '', method] = GOOGLE_PATH.exec(path) ?? [];
    const tools = items(field(body, 'tools')).flatMap((tool) => items(field(tool, 'functionDeclarations')));
    return {
      model: decodeURIComponent(model),
      isStream: method === 'streamGenerateContent',
      system: textOf(field(field(body, 'systemInstruction'), 'parts')),
      messages: joinNeighbours(items(field(body, 'contents')).flatMap(readContent)),
      toolNames: tools.map((tool) => string(field(tool, 'name'))),
    };
  },
  *stream(answer): Generator<Frame> {
    // Google ends its lines with CR LF.
    const event = (parts: readonly object[], finishReason?: string): string =>
      `data: ${JSON.stringify(contentOf(answer, parts, finishReason))}\r\n\r\n`;

    if (answer.reasoning !== '') yield delta(event([{ text: answer.reasoning, thought: true }]));
    for (const text of answer.text) yield delta(event([{ text }]));
    // Of parallel calls only the first has a signature.
    let thoughtSignature = answer.reasoning === '' ? undefined : seal(answer.reasoning);
    for (const call of answer.toolCalls) {
      for (const part of callParts(call)) {
        yield delta(event([thoughtSignature === undefined ? part : { ...part, thoughtSignature }]));
        thoughtSignature = undefined;
      }
    }
    yield frame(event([], FINISH_REASONS[answer.finish]));
  },
  whole(answer) {
    const text = answer.text.length > 0 ? [{ text: answer.text.join('') }] : [];
    const parts = [...text, ...answer.toolCalls.map(wholeCall)];
    return contentOf(answer, parts, FINISH_REASONS[answer.finish]);
  },
  error(status, message) {
    const name = STATUS_NAMES[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
    return { error: { code: status, message, status: name } };
  },
};

export const GOOGLE_PATH = /^\/v1beta\/models\/([^/:]+):(streamGenerateContent|generateContent)$/;

const FINISH_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  tool_calls: 'STOP',
  length: 'MAX_TOKENS',
  content_filter: 'SAFETY',
};

const STATUS_NAMES: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

function contentOf(answer: CompleteAnswer, parts: readonly object[], finishReason?: string): object {
  const { input, output } = answer.usage;
  const content = { role: 'model', parts };
  return {
    candidates: [{ content, index: 0, ...(finishReason === undefined ? {} : { finishReason }) }],
    ...(finishReason === undefined
      ? {}
      : {
          usageMetadata: {
            promptTokenCount: input,
            candidatesTokenCount: output,
            totalTokenCount: input + output,
          },
        }),
    modelVersion: answer.model,
    responseId: answer.id,
  };
}

/** A user's content may contain tool results and text; in the uniform view these are two messages. */
function readContent(given: unknown): readonly ModelMessage[] {
  const parts = items(field(given, 'parts'));
  const results = parts.map((part) => field(part, 'functionResponse')).filter((each) => each !== undefined);
  const toolResults = results.map((result) => ({
    id: callId(result),
    text: resultText(field(field(result, 'response'), 'content') ?? field(result, 'response')),
  }));
  const toolCalls = parts
    .map((part) => field(part, 'functionCall'))
    .filter((each) => each !== undefined)
    .map((call) => ({ id: callId(call), name: string(field(call, 'name')) }));
  const role = field(given, 'role') === 'model' ? 'assistant' : 'user';
  const isOnlyResults = toolResults.length > 0 && results.length === parts.length;
  return [
    ...(toolResults.length > 0 ? [message('tool', { toolResults })] : []),
    ...(isOnlyResults ? [] : [message(role, { text: textOf(parts), toolCalls })]),
  ];
}

/** Models before Gemini 3 identify calls by the tool's name only. */
function callId(call: unknown): string {
  return string(field(call, 'id')) || string(field(call, 'name'));
}
