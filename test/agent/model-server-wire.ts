// The interface of a wire format: how an answer is streamed, how it is sent whole, and how errors look. Answers have
// their defaults filled in, so that all four formats use the same ones.

import { createHash } from 'node:crypto';
import type { FinishReason, ModelAnswer, ModelMessage } from './model-server-types.ts';

/** A piece of a body; a delta is what `gapMs` and `silentAfter` count. */
export interface Frame {
  readonly text: string;
  readonly isDelta: boolean;
}

export interface CompleteToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
  /** As JSON, or the string in its place. */
  readonly json: string;
  readonly pieces: number;
}

export interface CompleteAnswer {
  /** Of the response; made of the request's number, so it is the same in every test run. */
  readonly id: string;
  readonly model: string;
  readonly text: readonly string[];
  readonly toolCalls: readonly CompleteToolCall[];
  /** Empty if it did not think. */
  readonly reasoning: string;
  readonly usage: { readonly input: number; readonly output: number };
  readonly finish: FinishReason;
}

export interface AskedRequest {
  readonly model: string;
  readonly isStream: boolean;
  readonly system: string;
  readonly messages: readonly ModelMessage[];
  readonly toolNames: readonly string[];
}

export interface Wire {
  /** Google puts the model and the choice to stream into the path, the others into the body. */
  read(body: unknown, path: string): AskedRequest;
  stream(answer: CompleteAnswer, body: unknown): Iterable<Frame>;
  whole(answer: CompleteAnswer, body: unknown): object;
  error(status: number, message: string): object;
}

export function completeAnswer(answer: ModelAnswer, model: string, number: number): CompleteAnswer {
  const { text = [], toolCalls = [], usage = { input: 10, output: 5 } } = answer;
  return {
    id: `answer-${number}`,
    model,
    text: typeof text === 'string' ? [text] : text,
    toolCalls: toolCalls.map((call, index) => ({
      id: call.id ?? `call_${number}_${index}`,
      name: call.name,
      arguments: call.arguments,
      json: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {}),
      pieces: call.pieces ?? 1,
    })),
    reasoning: answer.reasoning ?? '',
    usage,
    finish: answer.finish ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop'),
  };
}

/** A signature of a model's reasoning, or its encrypted form. A server recognizes its own. */
export function seal(text: string): string {
  return createHash('sha256').update(`seal ${text}`).digest('base64');
}

export function delta(text: string): Frame {
  return { text, isDelta: true };
}

export function frame(text: string): Frame {
  return { text, isDelta: false };
}

/** Splits a text into exactly `pieces` strings; some are empty if there are more pieces than characters. */
export function inPieces(text: string, pieces: number): readonly string[] {
  return Array.from({ length: pieces }, (_, index) =>
    text.slice(Math.floor((text.length * index) / pieces), Math.floor((text.length * (index + 1)) / pieces)),
  );
}
