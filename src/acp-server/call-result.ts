// The result of a tool call as text, for people.

import type { ToolCallContent } from '@agentclientprotocol/sdk/unstable';
import { isRecord } from '../base/is-record.ts';

export function textContent(text: string): ToolCallContent {
  return { type: 'content', content: { type: 'text', text } };
}

/** Text that editors must not read as Markdown. */
export function plainContent(text: string): ToolCallContent {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return textContent(`${fence}\n${text.replace(/\n$/, '')}\n${fence}`);
}

/** The result of `tool.complete`, or the text of a tool message. */
export function resultText(result: unknown): string {
  if (typeof result === 'string') return fromMessage(result);
  if (!isRecord(result)) return JSON.stringify(result) ?? '';
  const { content, stdout, stderr, exitCode } = result;
  if (typeof stdout === 'string' || typeof stderr === 'string') {
    const failure = typeof exitCode === 'number' && exitCode !== 0 ? `exit code ${exitCode}` : '';
    return [stdout, stderr, failure].filter((part) => typeof part === 'string' && part !== '').join('\n');
  }
  if (typeof content === 'string') return content;
  return JSON.stringify(result, null, 2);
}

/** Messages have results as JSON, as models read them. */
function fromMessage(text: string): string {
  if (!text.startsWith('{')) return text;
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? resultText(parsed) : text;
  } catch {
    // A text that starts with a brace, or was cut.
    return text;
  }
}
