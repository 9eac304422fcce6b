// The model providers: where each finds its key, and how its package is loaded. A package is loaded when one of its
// models is first used.

import type { LanguageModelV4 } from '@ai-sdk/provider';
import type { Fetch } from '../outbound-http.ts';
import { repairingChat } from './chat-repair.ts';
import type { ConfiguredAbilities } from './model-abilities.ts';
import { refusePages } from './response-start.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A provider from the configuration: any server that speaks OpenAI's chat completions. */
export interface CustomProvider {
  readonly name: string;
  /** With its path, such as `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** What its models can do, as configured. */
  readonly can?: ConfiguredAbilities;
}

export interface Access {
  readonly apiKey: string | undefined;
  readonly baseUrl: string | undefined;
  readonly fetch?: Fetch | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BuiltInProvider {
  /** Variables that may hold its key; the first one set is used. */
  readonly keyVariables: readonly string[];
  readonly urlVariable: string;
  /** The model used if only a key was found. */
  readonly defaultModel: string;
  readonly load: (model: string, access: Access) => Promise<LanguageModelV4>;
}

export const builtInProviders: Readonly<Record<string, BuiltInProvider>> = {
  anthropic: {
    keyVariables: ['ANTHROPIC_API_KEY'],
    urlVariable: 'ANTHROPIC_BASE_URL',
    defaultModel: 'claude-sonnet-5-5',
    async load(model, access) {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      return createAnthropic(options(access))(model);
    },
  },
  openai: {
    keyVariables: ['OPENAI_API_KEY'],
    urlVariable: 'OPENAI_BASE_URL',
    defaultModel: 'gpt-5.6',
    async load(model, access) {
      const { createOpenAI } = await import('@ai-sdk/openai');
      return createOpenAI(options(access))(model);
    },
  },
  google: {
    keyVariables: ['GOOGLE_GENERATIVE_AI_API_KEY', 'GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    urlVariable: 'GOOGLE_BASE_URL',
    defaultModel: 'gemini-3.8-flash',
    async load(model, access) {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google');
      return createGoogleGenerativeAI(options(access))(model);
    },
  },
  xai: {
    keyVariables: ['XAI_API_KEY'],
    urlVariable: 'XAI_BASE_URL',
    defaultModel: 'grok-latest',
    async load(model, access) {
      const { createXai } = await import('@ai-sdk/xai');
      return createXai(options(access))(model);
    },
  },
};

/** Servers on this machine that need no key. `OLLAMA_HOST` and `LMSTUDIO_HOST` name other addresses. */
export const localProviders = {
  ollama: { variable: 'OLLAMA_HOST', host: '127.0.0.1:11434' },
  lmstudio: { variable: 'LMSTUDIO_HOST', host: '127.0.0.1:1234' },
} as const;

export type LocalProvider = keyof typeof localProviders;

export function isLocalProvider(name: string): name is LocalProvider {
  return Object.hasOwn(localProviders, name);
}

export function localBaseUrl(provider: LocalProvider, environment: Environment): string {
  const { variable, host } = localProviders[provider];
  const given = environment[variable]?.trim() || host;
  const url = new URL(/^https?:\/\//i.test(given) ? given : `http://${given}`);
  // A bind address is not an address to connect to.
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1';
  if (url.port === '' && url.protocol === 'http:') url.port = host.split(':')[1] as string;
  return `${url.origin}/v1`;
}

export function accessOf(provider: BuiltInProvider, environment: Environment): Access {
  const variable = provider.keyVariables.find((name) => environment[name]);
  return {
    apiKey: variable === undefined ? undefined : environment[variable],
    baseUrl: environment[provider.urlVariable] || undefined,
  };
}

export async function loadCompatible(
  provider: string,
  model: string,
  { apiKey, baseUrl, fetch, headers }: Access & { readonly baseUrl: string },
): Promise<LanguageModelV4> {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  return createOpenAICompatible({
    name: provider,
    baseURL: baseUrl,
    includeUsage: true,
    metadataExtractor: { extractMetadata: async () => undefined, createStreamExtractor: watchForErrors },
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(fetch === undefined ? {} : { fetch: repairingChat(fetch) }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  })(model);
}

/**
 * The package keeps only the message of an error inside a stream; a gateway puts the original error beside it
 * (`metadata.raw`).
 */
function watchForErrors() {
  return {
    processChunk(chunk: unknown): void {
      if (typeof chunk === 'object' && chunk !== null && 'error' in chunk && chunk.error != null) throw chunk;
    },
    buildMetadata: () => undefined,
  };
}

function options({ apiKey, baseUrl, fetch }: Access): {
  apiKey?: string;
  baseURL?: string;
  fetch?: Fetch;
} {
  return {
    ...(fetch === undefined ? {} : { fetch: refusePages(fetch) }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
  };
}
