// The models that could answer: the default one, its fallbacks, and those that a prompt may name. Everything is looked
// up on each call, because a local server may have started since.

import type { Model, Models } from '../../contract/model.ts';
import { offlineModel } from '../offline/offline-driver.ts';
import { askLocalServers, lookForKeys, type ModelChoice } from './find-model.ts';
import { type ModelLoader, parse } from './model-loader.ts';
import type { Prices } from './prices.ts';
import { type Environment, isLocalProvider } from './providers.ts';

export interface DescribeModelsOptions {
  readonly choice: ModelChoice;
  readonly loader: ModelLoader;
  readonly prices: Prices;
  readonly environment: Environment;
  /** Of models that the price list does not know. */
  readonly contextWindow: number | undefined;
}

export async function describeModels(options: DescribeModelsOptions): Promise<Models> {
  const { choice, loader, prices, environment, contextWindow } = options;
  const found = [...lookForKeys(environment), ...(await askLocalServers(environment))];
  const custom = new Map(await Promise.all(loader.localServers().map(answers)));
  const places: Models['places'] = [
    ...loader.custom.map((provider) => ({
      provider,
      where: `config.json providers.${provider}`,
      found: null,
      detail: `set up; name one of its models as ${provider}/NAME`,
    })),
    ...found,
  ];

  /** Local servers were asked just now. */
  function reachableOf(id: string): boolean | null {
    const { provider } = parse(id);
    if (!isLocalProvider(provider)) return custom.get(provider) ?? null;
    return found.some((place) => place.provider === provider && place.found !== null);
  }

  async function describe(id: string, use: Model['use'], reason: string): Promise<Model> {
    const fault = loader.missing(id);
    return {
      id,
      provider: parse(id).provider,
      use,
      ready: fault === undefined,
      detail: fault ?? reason,
      local: loader.isLocal(id),
      reachable: reachableOf(id),
      can: loader.abilities.of(id),
      contextWindow: (await prices.contextWindow(id)) ?? contextWindow ?? null,
      price: await prices.perMillion(id),
    };
  }

  const chosen = choice.models.map((id, index) =>
    describe(id, index === 0 ? 'default' : 'fallback', choice.reason),
  );
  const others = found.flatMap(({ found: id, detail }) =>
    id === null || choice.models.includes(id) ? [] : [describe(id, 'by_name', detail)],
  );
  return {
    models: [...(await Promise.all([...chosen, ...others])), offline(choice)].sort(byUse),
    reason: choice.reason,
    places,
  };
}

/** Whether a configured server of this machine or its network answers. */
async function answers({
  name,
  url,
}: {
  readonly name: string;
  readonly url: string;
}): Promise<[string, boolean]> {
  const { hostname, port, protocol } = new URL(url);
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (protocol === 'https:' ? 443 : 80)),
    });
    const end = (isReachable: boolean): void => {
      socket.destroy();
      resolve([name, isReachable]);
    };
    socket.setTimeout(answerTimeoutMs, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

const answerTimeoutMs = 500;

function offline({ models, reason }: ModelChoice): Model {
  const isDefault = models.length === 0;
  return {
    id: offlineModel,
    provider: offlineModel,
    use: isDefault ? 'default' : 'by_name',
    ready: true,
    detail: isDefault ? reason : 'runs a few plain commands, needs no network',
    local: true,
    reachable: true,
    can: { tools: true, vision: false, structuredOutput: false, reasoning: false },
    contextWindow: null,
    price: { input: 0, output: 0 },
  };
}

const order: readonly Model['use'][] = ['default', 'fallback', 'by_name'];

function byUse(left: Model, right: Model): number {
  return order.indexOf(left.use) - order.indexOf(right.use);
}
