// Which model answers when nobody has said so: a provider whose key is in the environment, or a server on this machine that answers. What
// was looked at, and what came of it, is told to `doctor`.

import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import {
  builtInProviders,
  type Environment,
  type LocalProvider,
  localBaseUrl,
  localProviders,
} from './providers.ts';

/** What was looked at, in words. */
export interface ModelFinding {
  readonly where: string;
  readonly found: string | null;
  readonly detail: string;
}

export interface ModelChoice {
  /** `provider/name`, the first of the chain first; empty: the offline agent. */
  readonly models: readonly string[];
  /** Why these. */
  readonly reason: string;
  readonly findings: readonly ModelFinding[];
}

export interface FindModelOptions {
  /** What was set, by flag, variable or file; undefined: look for one. */
  readonly configured: readonly string[] | undefined;
  /** Where `configured` came from, in words. */
  readonly origin: string;
  readonly environment: Environment;
  /** For an answer of a local server. @default 500 */
  readonly probeTimeoutMs?: number;
}

/** Never throws: what does not answer is not there. */
export async function findModel({
  configured,
  origin,
  environment,
  probeTimeoutMs = 500,
}: FindModelOptions): Promise<ModelChoice> {
  if (configured !== undefined) {
    const models = configured.filter((id) => id !== 'offline');
    return { models, reason: `set by ${origin}`, findings: [] };
  }
  const findings: ModelFinding[] = [];
  for (const [provider, { keyVariables, defaultModel }] of Object.entries(builtInProviders)) {
    const variable = keyVariables.find((name) => environment[name]);
    findings.push({
      where: keyVariables.join(', '),
      found: variable === undefined ? null : `${provider}/${defaultModel}`,
      detail: variable === undefined ? 'not set' : `${variable} is set`,
    });
  }
  // A key is a decision; a server that happens to run is asked only where there is none.
  if (findings.every(({ found }) => found === null)) {
    const names = Object.keys(localProviders) as LocalProvider[];
    findings.push(...(await Promise.all(names.map((name) => probe(name, environment, probeTimeoutMs)))));
  }
  const chosen = findings.find(({ found }) => found !== null);
  if (chosen?.found != null) {
    return { models: [chosen.found], reason: chosen.detail, findings };
  }
  return {
    models: [],
    reason: 'no key of a provider is set, and neither Ollama nor LM Studio answers',
    findings,
  };
}

/** Asks for the list of models, as OpenAI's servers have it. */
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
    if (first === undefined) return { where, found: null, detail: `${provider} answers, but has no model` };
    return { where, found: `${provider}/${first}`, detail: `${provider} answers at ${baseUrl}` };
  } catch {
    // Not there, too slow, or not what it should be: there is no model for us either way.
    return { where, found: null, detail: `no ${provider} answers` };
  }
}

/** With Node's own client: it is loaded anyway, and one answer is all that is wanted. */
async function getJson(url: string, timeoutMs: number): Promise<unknown> {
  const { get } = await import(url.startsWith('https:') ? 'node:https' : 'node:http');
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
