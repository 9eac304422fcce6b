// Finds a model if none is configured: of a provider whose key is in the environment, or of a server on this machine.
// `doctor` shows where it looked and what it found.

import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { offlineModel } from '../offline/offline-driver.ts';
import {
  builtInProviders,
  type Environment,
  type LocalProvider,
  localBaseUrl,
  localProviders,
} from './providers.ts';

/** A place that was examined, for display. */
export interface ModelFinding {
  readonly provider: string;
  readonly where: string;
  readonly found: string | null;
  readonly detail: string;
}

export interface ModelChoice {
  /** `provider/name`, the first of the chain first; empty: the offline agent. */
  readonly models: readonly string[];
  /** The reason for the selection. */
  readonly reason: string;
  readonly findings: readonly ModelFinding[];
}

export interface FindModelOptions {
  /** Set by flag, variable or file; undefined: look for a model. */
  readonly configured: readonly string[] | undefined;
  /** Where `configured` was set, for display. */
  readonly origin: string;
  readonly environment: Environment;
  /** How long to wait for a local server, in ms. @default 500 */
  readonly probeTimeoutMs?: number;
}

const defaultProbeTimeoutMs = 500;

/** Never rejects: a server that does not answer counts as absent. */
export async function findModel({
  configured,
  origin,
  environment,
  probeTimeoutMs = defaultProbeTimeoutMs,
}: FindModelOptions): Promise<ModelChoice> {
  if (configured !== undefined) {
    return { models: languageModels(configured), reason: `set by ${origin}`, findings: [] };
  }
  const findings: ModelFinding[] = [...lookForKeys(environment)];
  // A key shows the user's intent. A local server may run for other reasons, so local servers are asked only if there
  // is no key.
  if (findings.every(({ found }) => found === null))
    findings.push(...(await askLocalServers(environment, probeTimeoutMs)));
  const chosen = findings.find(({ found }) => found !== null);
  if (chosen?.found != null) {
    return { models: [chosen.found], reason: chosen.detail, findings };
  }
  return {
    models: [],
    reason: 'no provider key is set, and neither Ollama nor LM Studio answers',
    findings,
  };
}

/** Looks for keys of providers in the environment. */
export function lookForKeys(environment: Environment): readonly ModelFinding[] {
  return Object.entries(builtInProviders).map(([provider, { keyVariables, defaultModel }]) => {
    const variable = keyVariables.find((name) => environment[name]);
    return {
      provider,
      where: keyVariables.join(', '),
      found: variable === undefined ? null : `${provider}/${defaultModel}`,
      detail: variable === undefined ? 'not set' : `${variable} is set`,
    };
  });
}

/** Asks the local servers for their models. Waits `timeoutMs` for each, at most. */
export function askLocalServers(
  environment: Environment,
  timeoutMs = defaultProbeTimeoutMs,
): Promise<readonly ModelFinding[]> {
  const names = Object.keys(localProviders) as LocalProvider[];
  return Promise.all(names.map((name) => probe(name, environment, timeoutMs)));
}

/** Without the offline agent, which is not a language model. */
export function languageModels(models: readonly string[]): readonly string[] {
  return models.filter((id) => id !== offlineModel);
}

/** Asks for the list of models, in OpenAI's format. */
async function probe(
  provider: LocalProvider,
  environment: Environment,
  timeoutMs: number,
): Promise<ModelFinding> {
  let where: string = localProviders[provider].variable;
  try {
    const baseUrl = localBaseUrl(provider, environment);
    where = baseUrl;
    const [first] = modelsIn(await getJson(`${baseUrl}/models`, timeoutMs));
    if (first === undefined)
      return { provider, where, found: null, detail: `${provider} answers, but has no model` };
    return { provider, where, found: `${provider}/${first}`, detail: `${provider} answers at ${baseUrl}` };
  } catch {
    // The server is absent, too slow, or another program: it offers no model.
    return { provider, where, found: null, detail: `no ${provider} answers` };
  }
}

/** Uses Node's own client, which is loaded anyway: loading undici would delay the start. */
async function getJson(url: string, timeoutMs: number): Promise<unknown> {
  const { get } = url.startsWith('https:') ? await import('node:https') : await import('node:http');
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false, signal, headers: { accept: 'application/json' } }, resolve).once(
      'error',
      reject,
    );
  });
  return json(response);
}

function modelsIn(answer: unknown): readonly string[] {
  if (typeof answer !== 'object' || answer === null || !('data' in answer) || !Array.isArray(answer.data))
    return [];
  return answer.data
    .map((entry: unknown) =>
      typeof entry === 'object' && entry !== null && 'id' in entry ? String(entry.id) : '',
    )
    .filter((id) => id !== '' && !/embed/i.test(id));
}
