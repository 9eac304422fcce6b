// Normalizes the answers of chat-completions servers for the provider package, which rejects an answer for small
// deviations that servers and gateways are known for. Each function below names the deviation it repairs.

import { createParser } from 'eventsource-parser';
import { isRecord } from '../../base/is-record.ts';
import type { Fetch } from '../outbound-http.ts';
import { WebPage } from './provider-error.ts';
import { looksLikePage } from './read-error.ts';
import { firstBytes, restOf } from './response-start.ts';
import { ThinkTags } from './think-tags.ts';

type Json = Record<string, unknown>;

/** Limit of an answer that is not a stream. */
const maxBodyBytes = 8 * 1024 * 1024;

/** Wraps `fetch`: the provider package can read what it returns from a server of OpenAI's chat completions. */
export function repairingChat(fetch: Fetch): Fetch {
  return async (target, init) => {
    const response = await fetch(target, init);
    if (!response.ok || response.body === null) return response;
    const reader = response.body.getReader();
    const first = await firstBytes(reader);
    const start = new TextDecoder().decode(first).trimStart();
    // Judged by its bytes: some servers stream as text/plain, others answer a streaming request with application/json.
    if (/^(?:data|event|id|retry|:)/.test(start) || start === '')
      return withBody(response, restOf(reader, first).pipeThrough(repairEvents()));
    const text = await readText(reader, first);
    return repairDocument(text, response);
  };
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>, first: Uint8Array): Promise<string> {
  const decoder = new TextDecoder();
  let text = decoder.decode(first, { stream: true });
  let size = first.length;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > maxBodyBytes) {
      await reader.cancel();
      return text;
    }
    text += decoder.decode(value, { stream: true });
  }
}

type Body = ConstructorParameters<typeof Response>[0];

function withBody(response: Response, body: Body, status = response.status): Response {
  const headers = new Headers(response.headers);
  // The new body is decoded and has another length.
  for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  if (status === response.status) headers.set('content-type', 'text/event-stream');
  return new Response(body, { status, headers });
}

/** A 200 that is not a stream: a whole answer, an error, or a web page of something other than a model server. */
function repairDocument(text: string, response: Response): Response {
  const value = parse(text);
  if (isRecord(value) && Array.isArray(value.choices)) {
    const chunk = repairChunk(value, new ThinkTags());
    return withBody(response, `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
  }
  if (looksLikePage(text)) throw new WebPage(response.status);
  const error = value === undefined ? undefined : errorIn(value);
  const status = statusIn(error) ?? 502;
  return withBody(response, error === undefined ? text : JSON.stringify({ error }), status);
}

function repairEvents(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const tags = new ThinkTags();
  let out = '';
  let hasFinished = false;
  let hasText = false;
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') {
        // The server ended the stream without a finish reason.
        if (!hasFinished && hasText) out += `data: ${JSON.stringify(finished)}\n\n`;
        hasFinished = true;
        out += 'data: [DONE]\n\n';
        return;
      }
      if (!tags.isOpen && !needsRepair(data)) {
        const hasContent = /"content"\s*:\s*"[^"]/.test(data);
        if (hasContent) tags.skip();
        hasText ||= hasContent || data.includes('"tool_calls"');
        hasFinished ||= /"finish_reason"\s*:\s*"/.test(data);
        out += `data: ${data}\n\n`;
        return;
      }
      const value = parse(data);
      const repaired = value === undefined ? undefined : repairChunk(value, tags);
      if (isRecord(repaired) && Array.isArray(repaired.choices)) {
        for (const choice of repaired.choices as readonly unknown[]) {
          if (!isRecord(choice)) continue;
          if (typeof choice.finish_reason === 'string') hasFinished = true;
          if (isRecord(choice.delta) && (choice.delta.content || choice.delta.tool_calls)) hasText = true;
        }
      }
      out += `data: ${repaired === undefined ? data : JSON.stringify(repaired)}\n\n`;
    },
  });
  const flush = (controller: TransformStreamDefaultController<Uint8Array>): void => {
    if (out !== '') controller.enqueue(encoder.encode(out));
    out = '';
  };
  return new TransformStream({
    transform(chunk, controller) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      flush(controller);
    },
    flush(controller) {
      parser.feed(decoder.decode());
      parser.reset({ consume: true });
      flush(controller);
    },
  });
}

const finished = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };

/** Most chunks need no repair; to parse and serialize each of them would cost more than the provider package itself. */
function needsRepair(data: string): boolean {
  return (
    !/"choices"\s*:\s*\[\s*\{/.test(data) ||
    /"function_call"\s*:\s*\{|"arguments"\s*:\s*[{[n]|"role"\s*:\s*"[^a"]|"message"\s*:\s*\{|"error"\s*:|<\/?t/.test(
      data,
    ) ||
    // White space, or the possible start of a tag.
    /"content"\s*:\s*"(?:\s|\\[nrt])*<?(?:th?i?n?k?)?"/.test(data)
  );
}

function repairChunk(value: unknown, tags: ThinkTags): unknown {
  if (!isRecord(value) || !Array.isArray(value.choices)) {
    const error = errorIn(value);
    if (error !== undefined) return { error };
    // A chunk after the answer that only has the usage.
    return isRecord(value) ? { ...value, choices: [] } : value;
  }
  return { ...value, choices: value.choices.map((choice: unknown) => repairChoice(choice, tags)) };
}

function repairChoice(choice: unknown, tags: ThinkTags): unknown {
  if (!isRecord(choice)) return choice;
  // A whole message instead of a delta.
  const { message, ...rest } = choice;
  const given = isRecord(choice.delta) ? choice.delta : isRecord(message) ? message : undefined;
  if (given === undefined) return rest;
  const { function_call: legacy, ...delta } = given as Json;
  if (delta.role !== undefined && delta.role !== null) delta.role = 'assistant';
  const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls : [];
  // The predecessor of `tool_calls`: one call, without an id.
  const all = isRecord(legacy) ? [...calls, { index: 0, type: 'function', function: legacy }] : calls;
  if (all.length > 0) delta.tool_calls = all.map(repairCall);
  if (typeof delta.content === 'string') {
    const { text, reasoning } = tags.take(delta.content, typeof choice.finish_reason === 'string');
    delta.content = text;
    if (reasoning !== '') delta.reasoning_content = reasoning;
  } else if (typeof choice.finish_reason === 'string') {
    const { text } = tags.take('', true);
    if (text !== '') delta.content = text;
  }
  return { ...rest, delta };
}

/** Servers send `arguments` as an object or null instead of JSON text. */
function repairCall(call: unknown, index: number): unknown {
  if (!isRecord(call) || !isRecord(call.function)) return call;
  const { arguments: given } = call.function;
  const text = typeof given === 'string' ? given : given == null ? '' : JSON.stringify(given);
  return { index, ...call, function: { ...call.function, arguments: text } };
}

/** The error, in any shape that servers use; undefined if there is none. */
function errorIn(value: unknown): Json | undefined {
  if (Array.isArray(value)) return errorIn(value[0]);
  if (!isRecord(value)) return undefined;
  const { error, message, detail, code, type } = value;
  const facts = { ...(code === undefined ? {} : { code }), ...(type === undefined ? {} : { type }) };
  if (isRecord(error)) {
    const words = typeof error.message === 'string' ? error.message : JSON.stringify(error);
    return { ...error, message: words };
  }
  if (typeof error === 'string' && error !== '') return { ...facts, message: error };
  if (value.choices !== undefined) return undefined;
  if (typeof message === 'string') return { ...facts, message };
  if (detail !== undefined)
    return { ...facts, message: typeof detail === 'string' ? detail : JSON.stringify(detail) };
  return undefined;
}

/** The HTTP status that the error names. */
function statusIn(error: Json | undefined): number | undefined {
  const status = Number(error?.code ?? error?.status);
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The provider package reports that it is not JSON.
    return undefined;
  }
}
