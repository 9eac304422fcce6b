// A conversation as clients send it, whichever route they use: instructions, earlier messages, and the prompt.

import type { HistoryMessage } from '../contract/session.ts';
import type { PlacedPart } from './content-text.ts';

export interface Conversation {
  /** The instructions of the client, added to the system prompt of the run. */
  readonly system: string | undefined;
  /** Everything before the prompt, oldest first. */
  readonly history: readonly HistoryMessage[];
  /** The last messages of the user. */
  readonly prompt: string;
  /** The images and files of the prompt. */
  readonly parts: readonly PlacedPart[];
}

/** Collects messages in their order. */
export class ConversationBuilder {
  private readonly system: string[] = [];
  private readonly messages: HistoryMessage[] = [];
  private parts: readonly PlacedPart[] = [];
  /** Calls without a result yet: the name and the arguments by id. */
  private readonly calls = new Map<string, { readonly name: string; readonly params: unknown }>();

  instruct(text: string): void {
    if (text.trim() !== '') this.system.push(text);
  }

  /** Consecutive messages of one side are one message. Of the parts, only those of the last message are used. */
  say(role: 'user' | 'assistant', text: string, parts: readonly PlacedPart[] = []): void {
    if (text.trim() === '') return;
    const last = this.messages.at(-1);
    this.parts = last?.role === role ? [...this.parts, ...parts] : parts;
    if (last?.role !== role) this.messages.push({ role, content: text });
    else this.messages[this.messages.length - 1] = { role, content: `${last.content}\n\n${text}` };
  }

  /** A call of another agent: the client may have continued a conversation that began elsewhere. */
  call(id: string, name: string, params: string): void {
    this.calls.set(id, { name, params: parsed(params) });
  }

  result(id: string, output: string): void {
    const call = this.calls.get(id) ?? { name: 'unknown', params: {} };
    this.calls.delete(id);
    this.messages.push({ role: 'tool', content: output, tool: { ...call, isError: false } });
  }

  /** Undefined if the last message is not one of the user. */
  build(): Conversation | undefined {
    const last = this.messages.at(-1);
    if (last?.role !== 'user') return undefined;
    return {
      system: this.system.length === 0 ? undefined : this.system.join('\n\n'),
      history: this.messages.slice(0, -1),
      prompt: last.content,
      parts: this.parts,
    };
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return { arguments: json };
  }
}
