// A call of the first model that can answer: overload and outage lead to the next of the chain, and to another try with the last one.
// What was said already is not said again: a call that breaks in mid-answer fails.

import type { LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { callModel, type ModelAnswer } from './model-call.ts';
import type { ModelLoader } from './model-loader.ts';
import { judgeModelError } from './provider-error.ts';

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export interface ModelChainOptions {
  readonly loader: ModelLoader;
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  /** Wait before a model is asked again. Reject if the signal is aborted meanwhile. */
  readonly sleep: Sleep;
  /** Hears of each switch to another model, and of each further try. */
  readonly onTrouble: (message: string) => void;
  /** Takes secrets out of what providers say. */
  readonly redact: (text: string) => string;
  /** Without a byte for this long, a call is given up. @default 2 minutes, and 10 for models on this machine or in its own network */
  readonly silenceMs?: number | undefined;
}

export interface ChainCall {
  readonly models: readonly string[];
  /** What is sent depends on the model that gets it. */
  readonly optionsFor: (model: string) => Omit<LanguageModelV4CallOptions, 'abortSignal'>;
  readonly onText: (text: string, model: string) => void;
  readonly signal: AbortSignal;
}

export interface ModelChain {
  /** @throws CodeBuddyError with the failure of the last model that was tried; AbortError */
  call(call: ChainCall): Promise<ModelAnswer & { readonly model: string }>;
}

/** Further tries of the last model, and the wait before each. */
const waitsMs = [500, 2000];
/** Who asks for more than this is not waited for. */
const longestWaitMs = 20_000;
const remoteSilenceMs = 120_000;
/** A model that is loaded from a disk, or reads a long prompt without a graphics card, needs minutes for its first word. */
const localSilenceMs = 600_000;
/** How long a model that failed comes last. */
const coolDownMs = 60_000;

export function createModelChain({
  loader,
  now,
  random,
  sleep,
  onTrouble,
  redact,
  silenceMs,
}: ModelChainOptions): ModelChain {
  const failedAt = new Map<string, number>();

  /** Those that failed lately come last. */
  function inOrder(models: readonly string[]): readonly string[] {
    const isCold = (model: string): boolean => {
      const since = now() - (failedAt.get(model) ?? 0);
      // Negative: the clock was ahead when it failed.
      return since >= 0 && since < coolDownMs;
    };
    return [...models.filter((model) => !isCold(model)), ...models.filter(isCold)];
  }

  return {
    async call({ models, optionsFor, onText, signal }) {
      const order = inOrder(models);
      for (let index = 0, tries = 0; ; ) {
        const model = order[index] as string;
        let hasSpoken = false;
        try {
          const answer = await callModel({
            model: await loader.load(model),
            options: optionsFor(model),
            onText(text) {
              hasSpoken = true;
              onText(text, model);
            },
            signal,
            silenceMs: silenceMs ?? (loader.isLocal(model) ? localSilenceMs : remoteSilenceMs),
          });
          failedAt.delete(model);
          return { ...answer, model };
        } catch (error) {
          signal.throwIfAborted();
          const { problem, isTemporary, isTimeout, retryAfterMs } = judgeModelError(error, model, redact);
          if (!isTemporary || hasSpoken) throw problem;
          for (const [other, at] of failedAt) if (now() - at >= coolDownMs) failedAt.delete(other);
          failedAt.set(model, now());
          const next = order[index + 1];
          if (next !== undefined) {
            onTrouble(`${problem.message} Going on with ${next}.`);
            index++;
            continue;
          }
          // It may be at work on the request still, and a second one would take as long and cost as much.
          if (isTimeout) throw problem;
          const waitMs = retryAfterMs ?? (waitsMs[tries] ?? 0) * (0.8 + 0.4 * random());
          if (tries >= waitsMs.length || waitMs > longestWaitMs) throw problem;
          tries++;
          onTrouble(`${problem.message} Trying ${model} again in ${Math.round(waitMs)} ms.`);
          await sleep(waitMs, signal);
        }
      }
    },
  };
}
