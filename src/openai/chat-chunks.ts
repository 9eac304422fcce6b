// The chunks of a streamed chat completion. Tools that the agent ran are never `tool_calls`, which clients would run
// again. They are events with a name and no choices: some clients skip them, and all others find nothing to show.

import type { ChatChunk, ChatCompletion, ChatFinishReason, ChatUsage } from '../contract/openai-chat.ts';
import type { Usage } from '../contract/usage.ts';
import type { RunStep } from './run-steps.ts';
import type { StreamMessage } from './services.ts';

export class ChatChunks {
  private readonly head: Pick<ChatCompletion, 'id' | 'created' | 'model'>;
  private readonly includesUsage: boolean;
  /** A text has ended; the next one begins after an empty line. */
  private isBetweenTexts = false;

  constructor(
    head: Pick<ChatCompletion, 'id' | 'created' | 'model'>,
    { includesUsage }: { readonly includesUsage: boolean },
  ) {
    this.head = head;
    this.includesUsage = includesUsage;
  }

  first(): StreamMessage {
    return this.choice({ role: 'assistant', content: '' }, null);
  }

  of(step: RunStep): readonly StreamMessage[] {
    switch (step.kind) {
      case 'text': {
        const content = this.isBetweenTexts ? `\n\n${step.text}` : step.text;
        this.isBetweenTexts = false;
        return [this.choice({ content }, null)];
      }
      case 'text_end':
        this.isBetweenTexts = true;
        return [];
      case 'tool_start':
      case 'tool_end':
      case 'question':
      case 'asked':
      case 'answered': {
        const { type, data } = step.event;
        return [{ event: type, data: this.chunk([], { codebuddy: { type, ...data } }) }];
      }
      case 'end':
        return this.last(step.end);
    }
  }

  private last(end: Extract<RunStep, { kind: 'end' }>['end']): readonly StreamMessage[] {
    switch (end.kind) {
      case 'complete': {
        const last = this.choice({}, finishReasonOf(end.finishReason));
        if (!this.includesUsage) return [last];
        return [last, { data: this.chunk([], { usage: chatUsage(end.usage) }) }];
      }
      case 'failed':
        return [chatFailure(end.code, end.message)];
      case 'cancelled':
        return [chatFailure('run_cancelled', `The run was cancelled: ${end.reason}`)];
    }
  }

  private choice(
    delta: ChatChunk['choices'][number]['delta'],
    finish_reason: ChatFinishReason | null,
  ): StreamMessage {
    return { data: this.chunk([{ index: 0, delta, logprobs: null, finish_reason }]) };
  }

  private chunk(
    choices: ChatChunk['choices'],
    rest: Pick<ChatChunk, 'usage' | 'codebuddy'> = this.includesUsage ? { usage: null } : {},
  ): ChatChunk {
    return { ...this.head, object: 'chat.completion.chunk', choices, ...rest };
  }
}

/** An error of a stream that has begun. */
export function chatFailure(code: string, message: string): StreamMessage {
  return { data: { error: { message, type: 'server_error', param: null, code } } };
}

/** A limit of the server cuts an answer off as the output limit of a model does. */
export function finishReasonOf(finishReason: string): ChatFinishReason {
  switch (finishReason) {
    case 'length':
    case 'max_steps':
    case 'token_limit':
    case 'cost_limit':
      return 'length';
    case 'content_filter':
      return 'content_filter';
    default:
      return 'stop';
  }
}

/** Zeros if the model does not report its usage: clients read the fields without a check. */
export function chatUsage(usage: Usage | null): ChatUsage {
  return {
    prompt_tokens: usage?.inputTokens ?? 0,
    completion_tokens: usage?.outputTokens ?? 0,
    total_tokens: usage?.totalTokens ?? 0,
  };
}
