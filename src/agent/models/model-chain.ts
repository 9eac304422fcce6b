// Calls the first model of a chain that can answer. After an overload or an outage, the next model is tried, and the
// last one is retried. A call that breaks off after a part of its answer fails: text that was shown must not be
// repeated. Reasoning may be: the stored message has only that of the answer.

import type { LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { passiveTracing } from '../../base/passive-tracing.ts';
import type { Tracing } from '../../base/tracing.ts';
import { callModelTraced } from './chat-span.ts';
import type { ModelAnswer, SpokenPart } from './model-call.ts';
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
  /** Called before each switch to another model and each retry. */
  readonly onTrouble: (message: string) => void;
  /** Removes secrets from the messages of providers. */
  readonly redact: (text: string) => string;
  /**
   * Abort a call after this many ms without a byte.
   * @default 120_000; 600_000 for models on this machine or in its own network
   */
  readonly silenceMs?: number | undefined;
  /** @default no spans */
  readonly tracing?: Tracing | undefined;
}

/** Gets the answer in pieces, as it arrives. */
export type OnText = (text: string, part: SpokenPart, model: string) => void;

export interface ChainCall {
  readonly models: readonly string[];
  /** The request differs by model. */
  readonly optionsFor: (model: string) => Omit<LanguageModelV4CallOptions, 'abortSignal'>;
  readonly onText: OnText;
  readonly signal: AbortSignal;
}

export interface ModelChain {
  /** @throws CodeBuddyError with the failure of the last model that was tried; AbortError */
  call(call: ChainCall): Promise<ModelAnswer & { readonly model: string }>;
}

/** The delays before the retries of the last model, in ms. */
const waitsMs = [500, 2000];
/** Fail the call if Retry-After exceeds this. */
const longestWaitMs = 20_000;
const remoteSilenceMs = 120_000;
/** A local model may take minutes for its first word: it is loaded from disk, or reads a long prompt without a GPU. */
const localSilenceMs = 600_000;
/** A failed model is tried last for this time, in ms. */
const coolDownMs = 60_000;

export function createModelChain({
  loader,
  now,
  random,
  sleep,
  onTrouble,
  redact,
  silenceMs,
  tracing = passiveTracing,
}: ModelChainOptions): ModelChain {
  const failedAt = new Map<string, number>();

  /** Models that failed recently come last. */
  function inOrder(models: readonly string[]): readonly string[] {
    const isCold = (model: string): boolean => {
      const since = now() - (failedAt.get(model) ?? 0);
      // Negative if the clock was set back since.
      return since >= 0 && since < coolDownMs;
    };
    return [...models.filter((model) => !isCold(model)), ...models.filter(isCold)];
  }

  return {
    async call({ models, optionsFor, onText, signal }) {
      const order = inOrder(models);
      for (let index = 0, tries = 0; ; ) {
        const model = order[index] as string;
        let hadImages = false;
        let hasSpoken = false;
        let hasReasoned = false;
        try {
          const options = optionsFor(model);
          hadImages = options.prompt.some(
            ({ role, content }) => role === 'user' && content.some(({ type }) => type === 'file'),
          );
          const answer = await callModelTraced(tracing, model, {
            model: await loader.load(model),
            options,
            onText(text, part) {
              if (part === 'text') hasSpoken = true;
              else hasReasoned = true;
              onText(text, part, model);
            },
            signal,
            silenceMs: silenceMs ?? (loader.isLocal(model) ? localSilenceMs : remoteSilenceMs),
          });
          failedAt.delete(model);
          return { ...answer, model };
        } catch (error) {
          signal.throwIfAborted();
          const { problem, isTemporary, isTimeout, retryAfterMs } = judgeModelError(error, model, redact);
          // Later requests of this and other sessions are sent to it without images.
          if (problem.code === 'model_cannot_see' && hadImages) loader.abilities.refusedImages(model);
          if (!isTemporary || hasSpoken) throw problem;
          for (const [other, at] of failedAt) if (now() - at >= coolDownMs) failedAt.delete(other);
          failedAt.set(model, now());
          // The next reasoning begins a new paragraph.
          if (hasReasoned) onText('\n\n', 'reasoning', model);
          const next = order[index + 1];
          if (next !== undefined) {
            onTrouble(`${problem.message} Continuing with ${next}.`);
            index++;
            continue;
          }
          // The provider may still be working on the request; a second one would take as long and cost as much.
          if (isTimeout) throw problem;
          const waitMs = retryAfterMs ?? (waitsMs[tries] ?? 0) * (0.8 + 0.4 * random());
          if (tries >= waitsMs.length || waitMs > longestWaitMs) throw problem;
          tries++;
          onTrouble(`${problem.message} Retrying ${model} in ${Math.round(waitMs)} ms.`);
          await sleep(waitMs, signal);
        }
      }
    },
  };
}
