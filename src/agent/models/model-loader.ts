// Loads a model by its id, `provider/name`. The provider's package is loaded at its first use.

import type { LanguageModelV4 } from '@ai-sdk/provider';
import { didYouMean } from '../../base/did-you-mean.ts';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Fetch } from '../outbound-http.ts';
import { isLocalUrl } from './local-address.ts';
import { createAbilities, type KnownAbilities } from './model-abilities.ts';
import {
  accessOf,
  builtInProviders,
  type CustomProvider,
  type Environment,
  isLocalProvider,
  loadCompatible,
  localBaseUrl,
  localProviders,
} from './providers.ts';

export interface ModelLoader {
  /** The names of the providers of config.json. */
  readonly custom: readonly string[];
  readonly abilities: KnownAbilities;
  /** The configured servers on this machine or in its own network. */
  localServers(): readonly { readonly name: string; readonly url: string }[];
  /** Returns the fault of the id as the end of a sentence; undefined if it is valid. */
  check(id: string): string | undefined;
  /** Returns what a valid id still needs, as a sentence; undefined if the model can be loaded. */
  missing(id: string): string | undefined;
  /** True if the model's server is on this machine or in its own network. */
  isLocal(id: string): boolean;
  /** @throws CodeBuddyError `model_auth_failed` if its key is missing, `validation_failed` for an invalid id */
  load(id: string): Promise<LanguageModelV4>;
}

export interface ModelLoaderOptions {
  readonly environment: Environment;
  readonly custom: readonly CustomProvider[];
  /** @default Node's */
  readonly fetch?: Fetch;
}

/** A prompt may name any model. Beyond this many, the oldest is dropped. */
const maxLoaded = 64;

export function createModelLoader({ environment, custom, fetch }: ModelLoaderOptions): ModelLoader {
  const loaded = new Map<string, Promise<LanguageModelV4>>();
  const customNames = custom.map(({ name }) => name);
  const known = [...Object.keys(builtInProviders), ...Object.keys(localProviders), ...customNames];

  function check(id: string): string | undefined {
    const { provider, name } = parse(id);
    if (provider === '' || name === '') return 'must be provider/name, such as anthropic/claude-sonnet-5-5';
    return known.includes(provider)
      ? undefined
      : `names the unknown provider ${JSON.stringify(provider)}${didYouMean(provider, known)}; the providers are ${known.join(', ')}`;
  }

  function baseUrlOf(id: string): string | undefined {
    const { provider } = parse(id);
    const own = custom.find((one) => one.name === provider);
    if (own !== undefined) return own.baseUrl;
    if (isLocalProvider(provider)) return localBaseUrl(provider, environment);
    const builtIn = builtInProviders[provider];
    return builtIn === undefined ? undefined : accessOf(builtIn, environment).baseUrl;
  }

  function missing(id: string): string | undefined {
    const { provider } = parse(id);
    const builtIn = builtInProviders[provider];
    if (custom.some(({ name }) => name === provider) || builtIn === undefined) return undefined;
    return accessOf(builtIn, environment).apiKey === undefined
      ? `No API key for ${provider}: set ${builtIn.keyVariables[0]} in the server's environment.`
      : undefined;
  }

  async function load(id: string): Promise<LanguageModelV4> {
    const { provider, name } = parse(id);
    const own = custom.find((one) => one.name === provider);
    if (own !== undefined) return loadCompatible(provider, name, { ...own, fetch });
    if (isLocalProvider(provider)) {
      return loadCompatible(provider, name, {
        apiKey: undefined,
        baseUrl: localBaseUrl(provider, environment),
        fetch,
      });
    }
    const builtIn = builtInProviders[provider] as (typeof builtInProviders)[string];
    const fault = missing(id);
    if (fault !== undefined) throw new CodeBuddyError('model_auth_failed', fault);
    const access = accessOf(builtIn, environment);
    return builtIn.load(name, { ...access, fetch });
  }

  return {
    custom: customNames,
    abilities: createAbilities((provider) => custom.find(({ name }) => name === provider)?.can),
    localServers: () =>
      custom.flatMap(({ name, baseUrl }) => (isLocalUrl(baseUrl) ? [{ name, url: baseUrl }] : [])),
    check,
    missing,
    isLocal(id) {
      const url = baseUrlOf(id);
      return url !== undefined && isLocalUrl(url);
    },
    async load(id) {
      const wrong = check(id);
      if (wrong !== undefined) {
        throw new CodeBuddyError('validation_failed', `options.model ${wrong}`, {
          errors: [{ in: 'body', pointer: '/options/model', message: wrong }],
        });
      }
      let model = loaded.get(id);
      if (model === undefined) {
        model = load(id);
        const [oldest] = loaded.keys();
        if (loaded.size >= maxLoaded && oldest !== undefined) loaded.delete(oldest);
        loaded.set(id, model);
        // The next attempt may succeed.
        model.catch(() => loaded.delete(id));
      }
      return model;
    },
  };
}

/** The name may contain slashes: `openrouter/meta/llama`. */
export function parse(id: string): { readonly provider: string; readonly name: string } {
  const slash = id.indexOf('/');
  return slash === -1
    ? { provider: '', name: id }
    : { provider: id.slice(0, slash), name: id.slice(slash + 1) };
}
