// Counts the prompts of each key for the agent, over all routes that start runs.

import type { Keys } from './key-service.ts';

export interface PromptRates {
  /** Counts a prompt. Returns a function that gives it back. @throws CodeBuddyError `key_limit_reached` */
  take(keyId: string): () => void;
}

/** Ids of other callers, such as triggers, have no limits. */
export function promptRatesOf(keys: Pick<Keys, 'find'>): PromptRates {
  return {
    take(keyId) {
      const rates = keys.find(keyId)?.rates;
      rates?.takePrompt();
      return () => rates?.giveBackPrompt();
    },
  };
}
