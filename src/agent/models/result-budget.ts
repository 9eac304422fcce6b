// What the results of one step may take of the model's window, together. A call that takes less than its share leaves the rest to those
// that end after it.

import { estimateTextTokens } from '../text-tokens.ts';
import { fitOutcome } from '../tools/result-text.ts';
import type { ToolOutcome } from '../tools/tool.ts';

/** Of the window. The summary of a conversation that is full leaves more room than this. */
export const resultShare = 0.35;
const leastTokensPerCall = 100;

export interface ResultBudget {
  /** The text that is kept of a call's outcome, and sent. To be called once a call. */
  take(tool: string, outcome: ToolOutcome): string;
}

export function createResultBudget(windowTokens: number, calls: number): ResultBudget {
  let leftTokens = windowTokens * resultShare;
  let leftCalls = calls;
  return {
    take(tool, outcome) {
      const share = Math.max(leftTokens / Math.max(leftCalls, 1), leastTokensPerCall);
      const text = fitOutcome(tool, outcome, share);
      leftTokens = Math.max(leftTokens - estimateTextTokens(text), 0);
      leftCalls--;
      return text;
    },
  };
}
