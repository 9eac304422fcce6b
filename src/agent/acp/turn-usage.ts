// Books what an agent says about its tokens and costs. Costs come as the sum of the agent's session, tokens with the end
// of the turn; before that, the size of the context is the least that the turn has used.

import { isRecord } from '../../base/is-record.ts';
import type { Usage } from '../../contract/usage.ts';
import type { Budget, DriverContext } from '../driver.ts';
import { noUsage } from '../session-memory.ts';

export interface TurnUsageOptions {
  readonly context: Pick<DriverContext, 'spend' | 'options'>;
  readonly model: () => string;
  /** The cost of the agent's session before this turn, in US dollars. */
  readonly costBefore: number;
}

export class TurnUsage {
  readonly #options: TurnUsageOptions;
  #cost: number;
  #booking: Promise<unknown> = Promise.resolve();
  #reported = { cost: false, tokens: false };
  #hasChunks = false;

  constructor(options: TurnUsageOptions) {
    this.#options = options;
    this.#cost = options.costBefore;
  }

  /** The cost of the agent's session by now. */
  get sessionCost(): number {
    return this.#cost;
  }

  /** What the agent has reported in this turn. */
  get reported(): { readonly cost: boolean; readonly tokens: boolean } {
    return this.#reported;
  }

  /** A `usage_update`. Resolves to the budget that is exhausted. */
  async update({ used, cost }: Readonly<Record<string, unknown>>): Promise<Budget | undefined> {
    const { maxTokens } = this.#options.context.options;
    const spent = this.#costOf(cost);
    const budget = spent === undefined ? undefined : await this.#book(noUsage, spent);
    if (budget !== undefined) return budget;
    return maxTokens !== undefined && typeof used === 'number' && used >= maxTokens
      ? 'token_limit'
      : undefined;
  }

  /** Qwen Code sends the tokens of each model call with a chunk of the answer. */
  async chunk({ _meta }: Readonly<Record<string, unknown>>): Promise<Budget | undefined> {
    if (!isRecord(_meta) || !isRecord(_meta.usage)) return undefined;
    this.#hasChunks = true;
    return this.#tokens(_meta.usage);
  }

  /** The result of the prompt. Gemini CLI has the tokens in its `_meta`. */
  async end({ usage, _meta }: Readonly<Record<string, unknown>>): Promise<Budget | undefined> {
    if (this.#hasChunks) return undefined;
    const quota = isRecord(_meta) && isRecord(_meta.quota) ? _meta.quota.token_count : undefined;
    return this.#tokens(usage ?? quota);
  }

  async #tokens(usage: unknown): Promise<Budget | undefined> {
    if (!isRecord(usage)) return undefined;
    const count = (...names: readonly string[]): number => {
      const value = names.map((name) => usage[name]).find((one) => typeof one === 'number' && one > 0);
      return Math.round(Number(value ?? 0));
    };
    const inputTokens =
      count('inputTokens', 'input_tokens') + count('cachedReadTokens') + count('cachedWriteTokens');
    const outputTokens = count('outputTokens', 'output_tokens') + count('thoughtTokens');
    const totalTokens = Math.max(count('totalTokens'), inputTokens + outputTokens);
    if (totalTokens === 0) return undefined;
    this.#reported = { ...this.#reported, tokens: true };
    return this.#book({ inputTokens, outputTokens, totalTokens }, null);
  }

  /** The cost since the last report; undefined if there is none. */
  #costOf(cost: unknown): number | undefined {
    if (!isRecord(cost) || cost.currency !== 'USD') return undefined;
    const { amount } = cost;
    if (typeof amount !== 'number' || !Number.isFinite(amount) || amount < 0) return undefined;
    this.#reported = { ...this.#reported, cost: true };
    // Some agents count from 0 again after a restart.
    const spent = amount >= this.#cost ? amount - this.#cost : amount;
    this.#cost = amount;
    return spent;
  }

  /** One after the other: each adds to the sums of the one before. */
  #book(usage: Usage, cost: number | null): Promise<Budget | undefined> {
    const { context, model } = this.#options;
    const booking = this.#booking.then(() => context.spend({ model: model(), usage, cost }));
    this.#booking = booking.catch(() => undefined);
    return booking;
  }
}
