// The loop of a language model: calls the model, runs the tools that its answer asks for, and calls it again with their
// results, until it asks for no more tools or a limit is reached.
//
// Over 400 lines: the steps of a run share the conversation, its tools and what was spent.

import type {
  JSONValue,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4Prompt,
} from '@ai-sdk/provider';
import { CodeBuddyError } from '../../base/errors.ts';
import { passiveTracing } from '../../base/passive-tracing.ts';
import { isBlank, sendable, sendableDeep } from '../../base/text.ts';
import type { Tracing } from '../../base/tracing.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import type { Budget, Driver, DriverContext, DriverResult } from '../driver.ts';
import { createOutputCheck, outputInvalid } from '../output/output-check.ts';
import type { Steer } from '../steer-queue.ts';
import { estimateTextTokens } from '../text-tokens.ts';
import { type Compacted, createCompaction } from './compaction.ts';
import { promptFor, safeToolName, tokensOfAll } from './conversation.ts';
import { fitSchema } from './fit-schema.ts';
import { correction, formatInstructions, nativeFormat } from './format-request.ts';
import { holdAnswer } from './held-answer.ts';
import { LiveConversation } from './live-conversation.ts';
import { cannotSee, type KnownAbilities } from './model-abilities.ts';
import type { CallUsage, ModelAnswer } from './model-call.ts';
import type { ModelChain } from './model-chain.ts';
import type { Prices } from './prices.ts';
import { refusedToolIn } from './refused-tool.ts';
import { runCalls } from './run-calls.ts';
import { blind, type Sight } from './sent-images.ts';
import { createStepSpans } from './step-spans.ts';
import { makeSystemPrompt } from './system-prompt.ts';
import { wireRulesOf } from './wire-rules.ts';

export interface ModelDriverOptions {
  readonly chain: ModelChain;
  readonly prices: Prices;
  readonly abilities: KnownAbilities;
  /** Called with warnings for the operator. */
  readonly onTrouble: (message: string) => void;
  /** Called for a tool that a provider refused: the session continues without it. */
  readonly onRefusedTool?: (refused: {
    readonly tool: string;
    readonly model: string;
    readonly said: string;
  }) => void;
  /** In tokens, if the price list does not know it. @default 128_000 */
  readonly contextWindow?: number;
  /** @default no spans */
  readonly tracing?: Tracing | undefined;
}

const defaultMaxSteps = 50;
/** Above this share of the window, the older part is summarized. */
const fullShare = 0.8;
/** Above this share of the window, any refusal may mean that the conversation is too long. */
const nearlyFullShare = 0.5;
/** How many times one request that is too long is shortened. */
const maxRepairs = 8;
/** How often a model is asked again whose answer does not match `options.format`. */
const maxOutputRetries = 2;
/** The run fails after this many steps in a row without a well-formed call. */
const maxFruitlessSteps = 5;

type SignedAnswer = ModelAnswer & { readonly model: string };

/** Returns the driver for a chain of models, the first choice first. */
export function createModelDrivers(
  options: ModelDriverOptions,
): (models: readonly [string, ...string[]]) => Driver {
  const { chain, prices, abilities, onTrouble, tracing = passiveTracing } = options;

  async function respond(
    models: readonly [string, ...string[]],
    context: DriverContext,
  ): Promise<DriverResult> {
    const [first] = models;
    const { format } = context.options;
    const check = format && createOutputCheck(format);
    let isNative = format !== undefined;
    let outputRetries = 0;
    const [descriptions, system, conversation, knownWindow] = await Promise.all([
      context.tools(),
      makeSystemPrompt({
        workspace: await context.workspace(),
        sessionBeganAt: new Date(context.sessionBeganAt),
        added:
          [context.options.system, format && formatInstructions(format)]
            .filter((part) => part !== undefined)
            .join('\n\n') || undefined,
      }),
      LiveConversation.open(context),
      prices.contextWindow(first),
    ]);
    const window = knownWindow ?? options.contextWindow ?? 128_000;
    const byName = new Map(descriptions.map((tool) => [tool.name, tool]));
    let tools = descriptions.map(toFunctionTool);
    const fixedTokens = estimateTextTokens(system) + estimateTextTokens(JSON.stringify(tools));
    const maxSteps = context.options.maxSteps ?? defaultMaxSteps;
    const spend = (model: string, usage: CallUsage): Promise<Budget | undefined> =>
      spendOn(context, model, usage);
    const compaction = createCompaction({
      chain,
      context,
      conversation,
      models,
      window,
      spend,
      onTrouble,
    });
    let readTokens = tokensOfAll(conversation) + fixedTokens;
    let fruitlessSteps = 0;
    const steps = createStepSpans(tracing);
    let text = '';

    let images: Sight['images'] = blind.images;

    /** The part of the current answer that was shown and is not stored yet. */
    let shown = { text: '', reasoning: '', model: first };

    const declaredFor = (model: string): readonly LanguageModelV4FunctionTool[] =>
      wireRulesOf(model).declaresOldTools ? withOldTools(tools, conversation) : tools;

    const optionsFor = (model: string): Omit<LanguageModelV4CallOptions, 'abortSignal'> => {
      const prompt = promptFor(conversation, model, { sees: sees(model), images });
      const declared = declaredFor(model);
      const native =
        isNative && format ? nativeFormat(model, format, { hasTools: declared.length > 0 }) : undefined;
      return {
        prompt: withCacheMarks([{ role: 'system', content: system }, ...prompt]),
        ...(declared.length === 0 ? {} : { tools: [...declared] }),
        // The store keeps the conversation; providers need not.
        providerOptions: withFormat({ openai: { store: false }, xai: { store: false } }, native),
        ...(native === undefined ? {} : { responseFormat: native.responseFormat }),
      };
    };

    /** Returns true if the refusal was about one tool; the session continues without it. */
    const leaveOutRefused = async (error: CodeBuddyError): Promise<boolean> => {
      const names = declaredFor(first).map(({ name }) => name);
      const tool = refusedToolIn(error.cause, names);
      if (tool === undefined || !byName.delete(tool)) return false;
      tools = tools.filter(({ name }) => name !== tool);
      await context.leaveOutTool(tool);
      onTrouble(`The tool ${tool} is left out of this session: ${error.message}`);
      options.onRefusedTool?.({ tool, model: first, said: error.message });
      return true;
    };

    /** Calls the model; shortens a request that is too long. Returns the budget if one is exhausted meanwhile. */
    const call = async (): Promise<SignedAnswer | Budget> => {
      for (let repairs = 0; ; ) {
        const isNearlyFull = repairs === 0 && readTokens > window * nearlyFullShare;
        let repaired: Compacted;
        shown = { text: '', reasoning: '', model: first };
        images = models.some(sees) ? await conversation.loadImages() : blind.images;
        await context.ready();
        const held = holdAnswer({
          commit: context.keeping(),
          signal: context.signal,
          onText(text, part, model) {
            shown.model = model;
            shown[part] += text;
            if (part === 'text') context.say(text);
            else context.reason(text);
          },
        });
        try {
          const { signal, onText } = held;
          const answer = await chain.call({ models, optionsFor, onText, signal });
          await held.release();
          // Some servers send an empty answer if there is no room for one (lmstudio-bug-tracker#2322).
          if (!isNearlyFull || answer.parts.length > 0) return answer;
          repaired = await compaction.summarize();
          if (!repaired.isShorter) return answer;
          repaired = { ...repaired, spent: (await spend(answer.model, answer.usage)) ?? repaired.spent };
        } catch (error) {
          await held.release();
          if (!(error instanceof CodeBuddyError)) throw error;
          if (error.code === 'model_cannot_see' && images.size === 0)
            throw new CodeBuddyError('model_refused', error.message, { cause: error });
          if (error.code === 'model_refused' && (await leaveOutRefused(error))) continue;
          // Perhaps the model or its server does not know the native mode.
          if (error.code === 'model_refused' && isNative) {
            isNative = false;
            continue;
          }
          if (repairs === maxRepairs) throw error;
          if (error.code === 'context_too_long') repaired = await compaction.repair();
          else if (error.code === 'model_refused' && isNearlyFull) repaired = await compaction.summarize();
          else throw error;
          if (!repaired.isShorter) throw error;
        }
        repairs++;
        if (repaired.spent !== undefined) return repaired.spent;
        readTokens = tokensOfAll(conversation) + fixedTokens;
      }
    };

    /** Makes the calls again that waited when an earlier process ended. */
    const continueCalls = async (): Promise<void> => {
      const calls = conversation.openCalls();
      const outcomes = await runCalls(calls, {
        context,
        byName,
        window,
        isCut: false,
        onWait: () => conversation.drop(),
        sees: sees(first),
      });
      await conversation.addResults(calls, outcomes);
      readTokens = tokensOfAll(conversation) + fixedTokens;
    };

    /** Adds messages that came in meanwhile, for the next step of this run or of a later one. */
    const hear = (taken: readonly Steer[]): readonly Steer[] => {
      const added = conversation.addMessages(taken);
      for (const { text: said } of added) readTokens += estimateTextTokens(said);
      return added;
    };

    /** The run ends without another step: what came in meanwhile is left to the next one. */
    const stopAt = async (result: DriverResult): Promise<DriverResult> => {
      hear(await context.refuseMessages());
      const output = check?.(result.response);
      if (output?.kind === 'invalid')
        throw outputInvalid(
          output.fault,
          result.response,
          `The run has reached a limit (${result.finishReason}).`,
        );
      return { ...result, ...(output === undefined ? {} : { data: output.data }) };
    };

    const work = async (): Promise<DriverResult> => {
      const stepsBefore = context.continues ? conversation.ownSteps : 0;
      if (context.continues) await continueCalls();
      for (let step = stepsBefore + 1; ; step++) {
        context.signal.throwIfAborted();
        await context.ready();
        steps.begin(step);
        context.tellSteered(hear(await context.beginStep()));
        if (readTokens > window * fullShare) {
          await context.keeping();
          const { spent } = await compaction.summarize();
          if (spent !== undefined) return stopAt({ response: text, model: first, finishReason: spent });
        }
        const answer = await steps.within(call);
        if (typeof answer === 'string') return stopAt({ response: text, model: first, finishReason: answer });
        const { model, usage, reasoning } = answer;
        if (!isBlank(answer.text)) text = answer.text;
        const calls = conversation.addAnswer(answer);
        shown = { text: '', reasoning: reasoning ?? '', model };
        const spent = await spend(model, usage);
        if (calls.length === 0 && isBlank(text) && (step === 1 || answer.parts.length > 0))
          requireWords(answer);
        readTokens = Math.max(readTokens, usage.inputTokens + usage.outputTokens);
        const mustStop = spent !== undefined || step >= maxSteps;
        if (calls.length === 0) {
          const output = check?.(text);
          const data = output?.kind === 'valid' ? { data: output.data } : {};
          const result = { response: text, ...data, reasoning, model, finishReason: finishOf(answer) };
          if (output?.kind === 'invalid') {
            if (!isBlank(answer.text) || reasoning !== undefined)
              context.keepText(answer.text, model, reasoning);
            shown = { text: '', reasoning: '', model };
            if (mustStop)
              throw outputInvalid(
                output.fault,
                text,
                `The run has reached a limit (${spent ?? 'max_steps'}).`,
              );
            if (outputRetries === maxOutputRetries)
              throw outputInvalid(output.fault, text, `The model was asked again ${maxOutputRetries} times.`);
            outputRetries++;
            conversation.addNote(correction(output.fault));
            await context.rejectOutput(output.fault);
            continue;
          }
          if (mustStop) return stopAt(result);
          if (await context.mayEnd()) return result;
        } else if (mustStop)
          return stopAt({ response: text, reasoning, model, finishReason: spent ?? 'max_steps' });
        if (!isBlank(answer.text) || reasoning !== undefined) context.keepText(answer.text, model, reasoning);
        shown = { text: '', reasoning: '', model };
        if (calls.length === 0) continue;
        const isCut = answer.finishReason === 'length';
        const onWait = (): void => conversation.drop();
        const outcomes = await steps.within(() =>
          runCalls(calls, { context, byName, window, isCut, onWait, sees: sees(first) }),
        );
        fruitlessSteps = outcomes.every(({ isMalformed }) => isMalformed) ? fruitlessSteps + 1 : 0;
        if (fruitlessSteps === maxFruitlessSteps) {
          throw new CodeBuddyError(
            'model_bad_response',
            `${model} made only malformed tool calls in ${maxFruitlessSteps} steps in a row. The last one: ${outcomes[0]?.text ?? ''}`,
          );
        }
        const resultTokens = await conversation.addResults(calls, outcomes);
        readTokens = Math.max(
          usage.inputTokens + usage.outputTokens + resultTokens,
          tokensOfAll(conversation) + fixedTokens,
        );
      }
    };

    try {
      return await work();
    } catch (error) {
      steps.fail(error);
      const { text, reasoning, model } = shown;
      if (!isBlank(text)) conversation.addPartial(text, model);
      if (!isBlank(text) || !isBlank(reasoning)) await context.keepPartial(text, model, reasoning);
      throw error;
    } finally {
      steps.end();
    }
  }

  async function spendOn(
    context: DriverContext,
    model: string,
    usage: CallUsage,
  ): Promise<Budget | undefined> {
    const { inputTokens, outputTokens } = usage;
    return context.spend({
      model,
      usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens },
      cost: await prices.cost(model, usage),
    });
  }

  function sees(model: string): boolean {
    return abilities.of(model).vision !== false;
  }

  return (models) => ({
    checkCaller({ images }) {
      if (images.length > 0 && !sees(models[0])) throw cannotSee(models[0], images);
    },
    checkSteer: () => undefined,
    respond: (context) => respond(models, context),
  });
}

/**
 * Anthropic caches a prompt up to these marks, and reads it again at a tenth of the price; other providers cache
 * without marks. A mark is the last field of its block, so that it changes no byte before it.
 */
const cached = { anthropic: { cacheControl: { type: 'ephemeral' } } };

function withCacheMarks(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  const last = prompt.length - 1;
  return prompt.map((message, index) =>
    index === 0 || index === last
      ? { ...message, providerOptions: { ...message.providerOptions, ...cached } }
      : message,
  );
}

function withFormat(
  base: Readonly<Record<string, Readonly<Record<string, JSONValue>>>>,
  native: ReturnType<typeof nativeFormat>,
): NonNullable<LanguageModelV4CallOptions['providerOptions']> {
  const merged: Record<string, Record<string, JSONValue | undefined>> = { ...base };
  for (const [provider, fields] of Object.entries(native?.providerOptions ?? {}))
    merged[provider] = { ...merged[provider], ...fields };
  return merged;
}

/** Also declares removed tools that earlier calls name, so that the provider accepts those calls. */
function withOldTools(
  tools: readonly LanguageModelV4FunctionTool[],
  { turns }: LiveConversation,
): readonly LanguageModelV4FunctionTool[] {
  const known = new Set(tools.map(({ name }) => name));
  const old: LanguageModelV4FunctionTool[] = [];
  for (const turn of turns) {
    if (turn.kind !== 'answer') continue;
    for (const part of turn.parts) {
      const name = part.type === 'call' ? safeToolName(part.tool) : undefined;
      if (name === undefined || known.has(name)) continue;
      known.add(name);
      const description = 'This tool is no longer available. Do not call it.';
      old.push({ type: 'function', name, description, inputSchema: { type: 'object', properties: {} } });
    }
  }
  return [...tools, ...old];
}

/** An empty answer must not look like a success. @throws CodeBuddyError `model_bad_response` */
function requireWords({ model, parts, finishReason }: SignedAnswer): void {
  // The finish reason already explains a withheld answer.
  if (finishReason === 'content-filter') return;
  const did = parts.length === 0 ? 'gave an empty answer' : 'reasoned, but gave no answer';
  const why = finishReason === 'length' ? ' before its output limit was reached' : '';
  throw new CodeBuddyError('model_bad_response', `${model} ${did}${why}.`);
}

function finishOf({ finishReason }: ModelAnswer): DriverResult['finishReason'] {
  if (finishReason === 'length') return 'length';
  if (finishReason === 'content-filter') return 'content_filter';
  return 'stop';
}

function toFunctionTool({ name, description, inputSchema }: ToolDescription): LanguageModelV4FunctionTool {
  const { schema, rule } = fitSchema(inputSchema);
  return {
    type: 'function',
    name,
    description: sendable(rule === '' ? description : `${description}\n${rule}`.trim()),
    inputSchema: sendableDeep(schema) as LanguageModelV4FunctionTool['inputSchema'],
  };
}
