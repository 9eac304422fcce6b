// Reads JSON of unknown shape: missing values and values of another type count as empty.

import type { ModelMessage } from './model-server-types.ts';

export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function string(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The text of a message's content: a string, or a list of parts that have a `text`. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return items(content)
    .map((part) => string(field(part, 'text')))
    .join('');
}

/** For results that may be a string, parts with text, or any JSON. */
export function resultText(content: unknown): string {
  return textOf(content) || (content === undefined ? '' : JSON.stringify(content));
}

export function message(role: string, given: Partial<Omit<ModelMessage, 'role'>>): ModelMessage {
  return { role, text: '', toolCalls: [], toolResults: [], ...given };
}

/**
 * Joins items that formats send one after the other: a text and its calls, the results of one turn. Users' messages
 * stay separate.
 */
export function joinNeighbours(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  const joined: ModelMessage[] = [];
  for (const next of messages) {
    const last = joined.at(-1);
    if (last === undefined || last.role !== next.role || next.role === 'user') {
      joined.push(next);
      continue;
    }
    joined[joined.length - 1] = {
      role: next.role,
      text: last.text + next.text,
      toolCalls: [...last.toolCalls, ...next.toolCalls],
      toolResults: [...last.toolResults, ...next.toolResults],
    };
  }
  return joined;
}
