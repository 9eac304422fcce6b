// Chooses the driver of a prompt: a language model if one is configured or found, else the offline agent. The search
// runs once, when it is first needed.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Tracing } from '../../base/tracing.ts';
import type { Models } from '../../contract/model.ts';
import type { PromptOptions } from '../../contract/prompt-options.ts';
import type { Driver } from '../driver.ts';
import { createOfflineDriver, offlineModel } from '../offline/offline-driver.ts';
import type { Fetch, Proxies } from '../outbound-http.ts';
import { type AloneAnswer, type AloneRequest, createAloneAnswers } from './answer-alone.ts';
import type { Conversation } from './conversation.ts';
import { describeModels } from './describe-models.ts';
import { findModel, languageModels, type ModelChoice } from './find-model.ts';
import { createModelChain, type ModelChain, type Sleep } from './model-chain.ts';
import { createModelDrivers, type ModelDriverOptions } from './model-driver.ts';
import { createModelHttp } from './model-http.ts';
import { createModelLoader, type ModelLoader } from './model-loader.ts';
import { createPrices } from './prices.ts';
import { parseProviders } from './provider-config.ts';
import type { Environment } from './providers.ts';
import type { Compacted } from './summarize.ts';

export interface AgentModelsOptions {
  readonly configured: readonly string[] | undefined;
  readonly origin: string;
  readonly providers: unknown;
  readonly environment: Environment;
  readonly proxies: Proxies;
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly warn: (message: string) => void;
  /** Removes secrets from the messages of providers. */
  readonly redact: (text: string) => string;
  /** Called for a tool that a provider refused: the session continues without it. */
  readonly onRefusedTool: NonNullable<ModelDriverOptions['onRefusedTool']>;
  readonly silenceMs?: number;
  /** How long to wait for a local server when the model is chosen, in ms. @default 500 */
  readonly probeTimeoutMs?: number;
  readonly contextWindow?: number;
  readonly tracing: Tracing;
}

export interface AgentModels {
  /** @throws CodeBuddyError `validation_failed` for an unknown model */
  chooseDriver(options: PromptOptions): Promise<{ readonly driver: Driver; readonly model: string }>;
  /**
   * An answer of the model alone; undefined if it would be the offline agent.
   * @throws CodeBuddyError `validation_failed` for an unknown model, `too_many_runs`, and those of the model
   */
  answerAlone(request: AloneRequest): Promise<AloneAnswer | undefined>;
  /** Whether the model that answers prompts sees images; null if that is not known. */
  seesImages(): Promise<boolean | null>;
  /**
   * Summarizes the older part of a conversation; undefined if that would be up to the offline agent.
   * @throws CodeBuddyError `validation_failed` for an unknown model, and those of the model
   */
  compact(request: {
    readonly conversation: Conversation;
    readonly model: string | undefined;
    readonly signal: AbortSignal;
  }): Promise<{ readonly compacted: Compacted; readonly cost: number | null } | undefined>;
  /** The selected models, and the reason for the selection. */
  choice(): Promise<ModelChoice>;
  /** The models that could answer, as they are found now. Waits up to 500 ms for local servers. */
  list(): Promise<Models>;
  /** Does not wait for the search. */
  describe(): { readonly agent: string; readonly model: string | null };
  /** Closes the connections to models. */
  close(): Promise<void>;
}

/** @throws Error that names the invalid field of `providers`, or the invalid model */
export function makeLoader({
  configured,
  origin,
  providers,
  environment,
  fetch,
}: Pick<AgentModelsOptions, 'configured' | 'origin' | 'providers' | 'environment'> & {
  readonly fetch?: Fetch;
}): ModelLoader {
  const custom = parseProviders(providers, environment);
  const loader = createModelLoader({ environment, custom, ...(fetch === undefined ? {} : { fetch }) });
  for (const id of languageModels(configured ?? [])) {
    const wrong = loader.check(id);
    if (wrong !== undefined) throw new Error(`the model ${JSON.stringify(id)} (${origin}) ${wrong}`);
  }
  return loader;
}

/** @throws like `makeLoader` */
export function createAgentModels(options: AgentModelsOptions): AgentModels {
  const { configured, origin, environment, now, warn, redact } = options;
  const { onRefusedTool, silenceMs, probeTimeoutMs, contextWindow, sleep, tracing } = options;
  const http = createModelHttp(options.proxies);
  const loader = makeLoader({ ...options, fetch: http.fetch });
  const offline = createOfflineDriver();
  const prices = createPrices();
  let found: ModelChoice | undefined;
  let finding: Promise<ModelChoice> | undefined;
  let driverFor: ReturnType<typeof createModelDrivers> | undefined;
  let chain: ModelChain | undefined;
  const aloneAnswers = createAloneAnswers({ chain: chainOf, cost: prices.cost });

  function choice(): Promise<ModelChoice> {
    finding ??= findModel({
      configured,
      origin,
      environment,
      ...(probeTimeoutMs === undefined ? {} : { probeTimeoutMs }),
    }).then((result) => {
      found = result;
      return result;
    });
    return finding;
  }

  function chainOf(): ModelChain {
    chain ??= createModelChain({
      loader,
      now,
      random: Math.random,
      sleep,
      onTrouble: warn,
      redact,
      tracing,
      ...(silenceMs === undefined ? {} : { silenceMs }),
    });
    return chain;
  }

  /** The models that answer, the first choice first; undefined for the offline agent. */
  async function modelsFor(model: string | undefined): Promise<readonly [string, ...string[]] | undefined> {
    if (model === offlineModel) return undefined;
    if (model !== undefined) {
      requireValid(model);
      return [model];
    }
    const [first, ...fallbacks] = (await choice()).models;
    return first === undefined ? undefined : [first, ...fallbacks];
  }

  /** @throws CodeBuddyError `validation_failed` */
  function requireValid(model: string): void {
    const wrong = loader.check(model);
    if (wrong === undefined) return;
    throw new CodeBuddyError('validation_failed', `options.model ${wrong}`, {
      errors: [{ in: 'body', pointer: '/options/model', message: wrong }],
    });
  }

  function modelDriver(...models: readonly [string, ...string[]]): Driver {
    driverFor ??= createModelDrivers({
      chain: chainOf(),
      prices,
      abilities: loader.abilities,
      onTrouble: warn,
      onRefusedTool,
      tracing,
      ...(contextWindow === undefined ? {} : { contextWindow }),
    });
    return driverFor(models);
  }

  return {
    choice,
    async seesImages() {
      const [first] = (await choice()).models;
      return first === undefined ? false : loader.abilities.of(first).vision;
    },
    list: async () => describeModels({ choice: await choice(), loader, prices, environment, contextWindow }),
    async chooseDriver({ model }) {
      const models = await modelsFor(model);
      return models === undefined
        ? { driver: offline, model: offlineModel }
        : { driver: modelDriver(...models), model: models[0] };
    },
    async answerAlone(request) {
      const models = await modelsFor(request.model);
      return models === undefined ? undefined : aloneAnswers(models, request);
    },
    async compact({ conversation, model, signal }) {
      const models = await modelsFor(model);
      if (models === undefined) return undefined;
      const readable = (await prices.contextWindow(models[0])) ?? contextWindow ?? 128_000;
      const { compact } = await import('./summarize.ts');
      const compacted = await compact(conversation, { chain: chainOf(), models, readable, signal });
      const { answer } = compacted;
      return { compacted, cost: answer === undefined ? 0 : await prices.cost(answer.model, answer.usage) };
    },
    describe() {
      if (configured === undefined && found === undefined) return { agent: offlineModel, model: null };
      const [first] = found?.models ?? languageModels(configured ?? []);
      return first === undefined
        ? { agent: offlineModel, model: offlineModel }
        : { agent: 'model', model: first };
    },
    close: http.close,
  };
}
