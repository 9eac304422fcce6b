// The output of a response while it grows. Steps that are read from the log later give the same items as those that
// were followed live.

import type { OutputItem, OutputMessage } from '../contract/openai-response.ts';
import { endedItem, messageItem, startedItem, type ToolItems } from './response-items.ts';
import type { RunStep } from './run-steps.ts';

export type OutputChange =
  | { readonly kind: 'added'; readonly index: number; readonly item: OutputItem }
  | { readonly kind: 'text'; readonly index: number; readonly id: string; readonly text: string }
  | { readonly kind: 'done'; readonly index: number; readonly item: OutputItem };

export class ResponseOutput {
  private readonly list: OutputItem[] = [];
  /** The index of the item of a call, by its id. */
  private readonly calls = new Map<string, number>();
  private message: { readonly index: number; readonly id: string; text: string } | undefined;
  private messages = 0;
  private readonly runId: string;
  private readonly form: ToolItems;

  constructor(runId: string, form: ToolItems) {
    this.runId = runId;
    this.form = form;
  }

  get items(): readonly OutputItem[] {
    return this.list;
  }

  get hasText(): boolean {
    return this.messages > 0;
  }

  take(step: RunStep): readonly OutputChange[] {
    switch (step.kind) {
      case 'text': {
        const changes = this.open();
        const { message } = this;
        if (message === undefined) return changes;
        message.text += step.text;
        return [...changes, { kind: 'text', index: message.index, id: message.id, text: step.text }];
      }
      case 'text_end':
        return [...this.open(), ...this.close('completed', step.text)];
      case 'tool_start': {
        const item = startedItem(step, this.form);
        const index = this.list.push(item) - 1;
        this.calls.set(step.callId, index);
        const added = { kind: 'added', index, item } as const;
        return item.type === 'function_call' ? [added, { kind: 'done', index, item }] : [added];
      }
      case 'tool_end':
        return this.endCall(step);
      case 'end':
        return this.close(step.end.kind === 'complete' ? 'completed' : 'incomplete');
      case 'question':
      case 'asked':
      case 'answered':
        return [];
    }
  }

  private open(): readonly OutputChange[] {
    if (this.message !== undefined) return [];
    this.messages++;
    const id = `msg_${this.runId.slice(4)}_${this.messages}`;
    const item = messageItem(id, '', 'in_progress');
    const index = this.list.push(item) - 1;
    this.message = { index, id, text: '' };
    return [{ kind: 'added', index, item }];
  }

  private close(status: OutputMessage['status'], whole?: string): readonly OutputChange[] {
    const { message } = this;
    if (message === undefined) return [];
    this.message = undefined;
    const item = messageItem(message.id, whole ?? message.text, status);
    this.list[message.index] = item;
    return [{ kind: 'done', index: message.index, item }];
  }

  private endCall(step: Extract<RunStep, { kind: 'tool_end' }>): readonly OutputChange[] {
    const index = this.calls.get(step.callId);
    const started = index === undefined ? undefined : this.list[index];
    if (index === undefined || started === undefined) return [];
    const { replaces, item } = endedItem(started, step);
    if (replaces) {
      this.list[index] = item;
      return [{ kind: 'done', index, item }];
    }
    const last = this.list.push(item) - 1;
    return [
      { kind: 'added', index: last, item },
      { kind: 'done', index: last, item },
    ];
  }
}
