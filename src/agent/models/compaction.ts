// Shortens a conversation that is too long for the model: summarizes its older part, and cuts the newest results. Both
// are kept, so that later runs send the same.

import { isBlank, sendable } from '../../base/text.ts';
import type { Budget, DriverContext } from '../driver.ts';
import { estimateTextTokens } from '../text-tokens.ts';
import { cutResultText } from '../tools/result-text.ts';
import { findCut, tokensOfAll } from './conversation.ts';
import { callsOf, type LiveConversation } from './live-conversation.ts';
import type { CallUsage } from './model-call.ts';
import type { ModelChain } from './model-chain.ts';
import { askForSummary } from './summarize.ts';

/** Share of the window that the conversation beside the summary may take. */
const keptShare = 0.25;
/** If the newest results take more than this share of the window, they are cut before anything is summarized. */
const largeResultShare = 0.1;
const leastResultTokens = 100;

export interface CompactionOptions {
  readonly chain: ModelChain;
  readonly context: DriverContext;
  readonly conversation: LiveConversation;
  readonly models: readonly string[];
  /** Tokens that the model can read. */
  readonly window: number;
  readonly spend: (model: string, usage: CallUsage) => Promise<Budget | undefined>;
  readonly onTrouble: (message: string) => void;
}

export interface Compacted {
  /** False if nothing could be shortened. */
  readonly isShorter: boolean;
  readonly spent: Budget | undefined;
}

export interface Compaction {
  /** Replaces the older part by a summary. */
  summarize(): Promise<Compacted>;
  /** After a request that was too long: cuts the newest results if they are large, else summarizes. */
  repair(): Promise<Compacted>;
}

export function createCompaction(options: CompactionOptions): Compaction {
  const { chain, context, conversation, models, window, spend, onTrouble } = options;

  async function summarize(readable = window): Promise<Compacted> {
    const cut = findCut(conversation, readable * keptShare);
    if (cut === 0) return { isShorter: false, spent: undefined };
    const older = { ...conversation, turns: conversation.turns.slice(0, cut) };
    const answer = await askForSummary(
      { turns: older.turns, results: conversation.results, summary: conversation.summary },
      { chain, models, readable, signal: context.signal },
    );
    const spent = await spend(answer.model, answer.usage);
    if (isBlank(answer.text)) {
      onTrouble(
        `${answer.model} returned no summary of a conversation that is too long; it is sent unchanged.`,
      );
      return { isShorter: false, spent };
    }
    await conversation.replaceFirst(cut, sendable(answer.text));
    return { isShorter: true, spent };
  }

  /** Cuts the results of the last step to half of what they take together. Returns false if none is long. */
  function cutNewestResults(): boolean {
    const last = conversation.turns.at(-1);
    if (last?.kind !== 'answer') return false;
    const calls = callsOf(last);
    const share = newestTokens() / 2 / calls.length;
    const cut = calls.flatMap(({ callId, tool }) => {
      const { text = '' } = conversation.results.get(callId) ?? {};
      const tokens = estimateTextTokens(text);
      if (tokens <= share || tokens <= leastResultTokens) return [];
      const shorter = cutResultText(tool, text, Math.max(share, leastResultTokens / 2));
      return shorter.length < text.length ? [{ callId, text: shorter }] : [];
    });
    if (cut.length > 0) conversation.cutResults(cut);
    return cut.length > 0;
  }

  function newestTokens(): number {
    const last = conversation.turns.at(-1);
    if (last?.kind !== 'answer') return 0;
    return callsOf(last).reduce(
      (tokens, { callId }) => tokens + estimateTextTokens(conversation.results.get(callId)?.text ?? ''),
      0,
    );
  }

  return {
    summarize: () => summarize(),
    async repair() {
      if (newestTokens() > window * largeResultShare && cutNewestResults())
        return { isShorter: true, spent: undefined };
      const before = tokensOfAll(conversation);
      // The provider refused this much, so its window is smaller than in the price list.
      const { isShorter, spent } = await summarize(Math.min(window, before));
      if (isShorter && tokensOfAll(conversation) < before * 0.9) return { isShorter, spent };
      const isCut = cutNewestResults();
      return { isShorter: isShorter || isCut, spent };
    },
  };
}
