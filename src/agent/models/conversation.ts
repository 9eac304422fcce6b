// A session's messages as the prompt of a model. The log keeps the whole; when it grows past what the model can read, the model sums up
// the older part, and goes on from there.

import type { LanguageModelV4Message } from '@ai-sdk/provider';
import type { Summary } from '../driver.ts';
import type { Message } from '../types.ts';
import type { AssistantPart } from './model-call.ts';

/** A message, and the id of the last stored one that it holds. */
export interface Turn {
  readonly message: LanguageModelV4Message;
  readonly storedId: string | undefined;
}

type ToolPart = Extract<LanguageModelV4Message, { role: 'tool' }>['content'][number];

export function turnsOf(messages: readonly Message[], summary: Summary | undefined): Turn[] {
  const turns: Turn[] = summary === undefined ? [] : [summaryTurn(summary)];
  let parts: AssistantPart[] = [];
  let results: ToolPart[] = [];
  let last: string | undefined;
  const flush = (): void => {
    if (parts.length > 0) turns.push({ message: { role: 'assistant', content: parts }, storedId: last });
    if (results.length > 0) turns.push({ message: { role: 'tool', content: results }, storedId: last });
    parts = [];
    results = [];
  };
  for (const { id, role, content, tool } of messages) {
    if (role === 'user') {
      flush();
      turns.push({ message: { role: 'user', content: [{ type: 'text', text: content }] }, storedId: id });
    } else if (role === 'assistant') {
      flush();
      // Models refuse empty text.
      if (content.trim() !== '') parts.push({ type: 'text', text: content });
    } else if (tool !== undefined) {
      const toolCallId = safeCallId(tool.callId ?? id);
      parts.push({ type: 'tool-call', toolCallId, toolName: tool.name, input: asObject(tool.params) });
      results.push({
        type: 'tool-result',
        toolCallId,
        toolName: tool.name,
        output: { type: tool.isError ? 'error-text' : 'text', value: content },
      });
    }
    last = id;
  }
  flush();
  return turns;
}

export function summaryTurn({ text, until }: Summary): Turn {
  const told = `Summary of the conversation so far, which was too long to be read again:\n\n${text}`;
  return { message: { role: 'user', content: [{ type: 'text', text: told }] }, storedId: until };
}

/** Tokens, roughly: four characters each. What providers count is known only afterwards. */
export function estimateTokens(turns: readonly Turn[]): number {
  let characters = 0;
  for (const { message } of turns) characters += JSON.stringify(message.content).length;
  return Math.ceil(characters / 4);
}

/**
 * Where to cut: what is before is summed up, what is after, up to `keepTokens`, stays as it is. Never between a call and its result, and
 * never so that nothing is left. 0: there is nothing that could be summed up.
 */
export function findCut(turns: readonly Turn[], keepTokens: number): number {
  let cut = turns.length - 1;
  let kept = cut >= 0 ? estimateTokens(turns.slice(cut)) : 0;
  while (cut > 1) {
    kept += estimateTokens(turns.slice(cut - 1, cut));
    if (kept > keepTokens) break;
    cut--;
  }
  while (cut > 0 && turns[cut]?.message.role === 'tool') cut--;
  return turns[cut - 1]?.storedId === undefined ? 0 : cut;
}

/** As plain text, for the one who sums it up: calls and results need no tools then. */
export function asTranscript(turns: readonly Turn[], maxCharacters: number): string {
  const lines = turns.map(({ message }) => {
    if (message.role === 'system') return '';
    const texts = message.content.map((part) => {
      if (part.type === 'text') return part.text;
      if (part.type === 'tool-call') return `[calls ${part.toolName} ${shorten(JSON.stringify(part.input))}]`;
      if (part.type === 'tool-result')
        return `[${part.toolName} gave ${shorten(JSON.stringify(part.output))}]`;
      return '';
    });
    return `${message.role}: ${texts.filter((text) => text !== '').join('\n')}`;
  });
  const whole = lines.join('\n\n');
  if (whole.length <= maxCharacters) return whole;
  // What is newest matters most; what was asked first matters, too.
  const head = whole.slice(0, Math.floor(maxCharacters / 4));
  return `${head}\n\n[…]\n\n${whole.slice(-Math.floor((maxCharacters * 3) / 4))}`;
}

function shorten(text: string): string {
  return text.length > 4000 ? `${text.slice(0, 2500)} […] ${text.slice(-1500)}` : text;
}

/** What one provider gave as an id, another must be able to read. */
export function safeCallId(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
}

function asObject(params: unknown): Record<string, unknown> {
  return typeof params === 'object' && params !== null && !Array.isArray(params) ? { ...params } : {};
}
