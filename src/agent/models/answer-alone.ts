// An answer of a language model alone: without tools, without a session and without a run. For short questions about a
// conversation, such as its title.

import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import { CodeBuddyError } from '../../base/errors.ts';
import { sendable } from '../../base/text.ts';
import type { Usage } from '../../contract/usage.ts';
import type { CallUsage } from './model-call.ts';
import type { ModelChain } from './model-chain.ts';

export interface AloneRequest {
  /** `provider/name`, or `offline`. @default the model of the server */
  readonly model: string | undefined;
  readonly system: string | undefined;
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[];
  /** Output tokens, at most. @default the model's limit */
  readonly maxTokens: number | undefined;
  readonly signal: AbortSignal;
}

export interface AloneAnswer {
  readonly text: string;
  readonly model: string;
  readonly usage: Usage;
  /** US dollars; null if the model has no known price. */
  readonly cost: number | null;
  readonly finishReason: 'stop' | 'length' | 'content_filter';
}

/** Answers at the same time. They do not wait in the queue of runs, so they need a limit of their own. */
const maxAtOnce = 16;

export interface AloneAnswersOptions {
  readonly chain: () => ModelChain;
  readonly cost: (model: string, usage: CallUsage) => Promise<number | null>;
}

/** @throws CodeBuddyError `too_many_runs`, and those of the model; AbortError */
export type AnswerAlone = (
  models: readonly [string, ...string[]],
  request: AloneRequest,
) => Promise<AloneAnswer>;

export function createAloneAnswers({ chain, cost }: AloneAnswersOptions): AnswerAlone {
  let working = 0;
  return async (models, { system, messages, maxTokens, signal }) => {
    if (working >= maxAtOnce) {
      throw new CodeBuddyError(
        'too_many_runs',
        `${maxAtOnce} answers without a run are being written already.`,
        {
          headers: { 'Retry-After': '1' },
        },
      );
    }
    const prompt: LanguageModelV4Prompt = [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: sendable(system) }]),
      ...messages.map(({ role, content }) => ({
        role,
        content: [{ type: 'text' as const, text: sendable(content) }],
      })),
    ];
    working++;
    try {
      const { text, model, usage, finishReason } = await chain().call({
        models,
        optionsFor: () => ({
          prompt,
          ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
          providerOptions: { openai: { store: false }, xai: { store: false } },
        }),
        onText: () => undefined,
        signal,
      });
      const { inputTokens, outputTokens } = usage;
      return {
        text,
        model,
        usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens },
        cost: await cost(model, usage),
        finishReason:
          finishReason === 'length'
            ? 'length'
            : finishReason === 'content-filter'
              ? 'content_filter'
              : 'stop',
      };
    } finally {
      working--;
    }
  };
}
