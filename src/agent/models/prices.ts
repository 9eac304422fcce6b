// What a call costs, and how much a model can read, by the price list of the package genai-prices. It is loaded when the first call ends.

import type { CallUsage } from './model-call.ts';
import { parse } from './model-loader.ts';

export interface Prices {
  /** US dollars; null where the list has no price for the model. Local models cost nothing. */
  cost(model: string, usage: CallUsage): Promise<number | null>;
  /** In tokens; undefined where the list does not say. */
  contextWindow(model: string): Promise<number | undefined>;
}

/** Where the list has another name for a provider than we. */
const listNames: Readonly<Record<string, string>> = { xai: 'x-ai' };
const isFree = (provider: string): boolean => provider === 'ollama' || provider === 'lmstudio';

export function createPrices(): Prices {
  async function look(model: string, usage: CallUsage) {
    const { calcPrice } = await import('@pydantic/genai-prices');
    const { provider, name } = parse(model);
    return calcPrice(
      {
        input_tokens: usage.inputTokens,
        output_tokens: usage.outputTokens,
        // Partitions of the input: the list does not take more of them than there is.
        cache_read_tokens: Math.min(usage.cacheReadTokens, usage.inputTokens),
        cache_write_tokens: Math.min(
          usage.cacheWriteTokens,
          Math.max(usage.inputTokens - usage.cacheReadTokens, 0),
        ),
      },
      name,
      { providerId: listNames[provider] ?? provider },
    );
  }

  return {
    async cost(model, usage) {
      if (isFree(parse(model).provider)) return 0;
      return (await look(model, usage))?.total_price ?? null;
    },
    async contextWindow(model) {
      const nothing = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
      return (await look(model, nothing))?.model.context_window;
    },
  };
}
