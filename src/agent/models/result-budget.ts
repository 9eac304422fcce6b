// Limits the share of the model's window that the results of one step take together. A call that takes less than its
// share leaves the rest to the calls that end after it.

import { estimateTextTokens } from '../text-tokens.ts';
import { fitOutcome } from '../tools/result-text.ts';
import type { ToolOutcome } from '../tools/tool.ts';

/** Share of the window. The summary of a full conversation leaves more room than this. */
export const resultShare = 0.35;
const leastTokensPerCall = 100;

export interface ResultBudget {
  /** Encodes the outcome of a call for the model. Call it once per call. */
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
