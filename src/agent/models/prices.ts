// Looks up the cost of a model call and the context window of a model in the price list of the package genai-prices.
// The package is loaded when the first call ends.

import type { CallUsage } from './model-call.ts';
import { parse } from './model-loader.ts';

export interface Prices {
  /** US dollars; null if the list has no price for the model. Local models cost nothing. */
  cost(model: string, usage: CallUsage): Promise<number | null>;
  /** US dollars per million tokens of a short prompt; null if the list has no price for the model. */
  perMillion(model: string): Promise<{ readonly input: number; readonly output: number } | null>;
  /** In tokens; undefined if the list does not say. */
  contextWindow(model: string): Promise<number | undefined>;
}

/** The names of providers that are spelled otherwise in the list. */
const listNames: Readonly<Record<string, string>> = { xai: 'x-ai' };
const isFree = (provider: string): boolean => provider === 'ollama' || provider === 'lmstudio';
/** Prompts may name any model. */
const maxRemembered = 1000;
const nothing = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };

export function createPrices(): Prices {
  /** Models that the list lacks: searching it takes 0.06 to 0.2 ms, which every step would pay. */
  const unlisted = new Set<string>();

  async function look(model: string, usage: CallUsage) {
    if (unlisted.has(model)) return null;
    const { calcPrice } = await import('@pydantic/genai-prices');
    const { provider, name } = parse(model);
    const price = calcPrice(
      {
        input_tokens: usage.inputTokens,
        output_tokens: usage.outputTokens,
        // Parts of the input: the list rejects more of them than there is.
        cache_read_tokens: Math.min(usage.cacheReadTokens, usage.inputTokens),
        cache_write_tokens: Math.min(
          usage.cacheWriteTokens,
          Math.max(usage.inputTokens - usage.cacheReadTokens, 0),
        ),
      },
      name,
      { providerId: listNames[provider] ?? provider },
    );
    if (price === null) {
      if (unlisted.size >= maxRemembered) unlisted.clear();
      unlisted.add(model);
    }
    return price;
  }

  async function cost(model: string, usage: CallUsage): Promise<number | null> {
    if (isFree(parse(model).provider)) return 0;
    return (await look(model, usage))?.total_price ?? null;
  }

  return {
    cost,
    async perMillion(model) {
      // Some prices rise with the length of the prompt.
      const [input, output] = await Promise.all([
        cost(model, { ...nothing, inputTokens: 1000 }),
        cost(model, { ...nothing, outputTokens: 1000 }),
      ]);
      return input === null || output === null
        ? null
        : { input: rounded(input * 1000), output: rounded(output * 1000) };
    },
    async contextWindow(model) {
      return (await look(model, nothing))?.model.context_window;
    },
  };
}

/** Removes errors of binary fractions: 0.3, not 0.30000000000000004. */
function rounded(dollars: number): number {
  return Number(dollars.toPrecision(12));
}
