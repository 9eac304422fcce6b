// The `providers` of config.json: servers that speak OpenAI's chat completions, under names of the user's choice.

import { isRecord } from '../../base/is-record.ts';
import { withoutTrailing } from '../../base/without-trailing.ts';
import { modelAbilitiesSchema } from '../../contract/model.ts';
import { offlineModel } from '../offline/offline-driver.ts';
import type { ConfiguredAbilities } from './model-abilities.ts';
import { builtInProviders, type CustomProvider, type Environment, isLocalProvider } from './providers.ts';

/** @throws Error that names the field, such as `providers.vllm.baseURL must be ...` */
export function parseProviders(value: unknown, environment: Environment): readonly CustomProvider[] {
  if (value === undefined) return [];
  if (!isRecord(value)) throw new Error('providers must be an object: {"name": {"baseURL": "…"}}');
  return Object.entries(value).map(([name, entry]) => parseProvider(name, entry, environment));
}

/** Keys, header values and passwords in URLs. @throws like `parseProviders` */
export function providerSecrets(value: unknown, environment: Environment): readonly string[] {
  return parseProviders(value, environment).flatMap(({ apiKey, headers, baseUrl }) => [
    ...(apiKey === undefined ? [] : [apiKey]),
    ...Object.values(headers ?? {}),
    ...(/^https?:\/\/[^/]*@|\?/.test(baseUrl) ? [baseUrl] : []),
  ]);
}

function parseProvider(name: string, entry: unknown, environment: Environment): CustomProvider {
  const at = `providers.${name}`;
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name))
    throw new Error(`${at}: a name must be 1 to 32 characters of a-z, 0-9, - and _`);
  if (name === offlineModel || Object.hasOwn(builtInProviders, name) || isLocalProvider(name))
    throw new Error(`${at}: a built-in provider has this name`);
  if (!isRecord(entry)) throw new Error(`${at} must be an object with a baseURL`);
  for (const field of Object.keys(entry)) {
    if (!['baseURL', 'apiKey', 'headers', 'can'].includes(field))
      throw new Error(`${at}.${field} is not known; the fields are baseURL, apiKey, headers and can`);
  }
  const { baseURL, apiKey, headers = {}, can = {} } = entry;
  if (typeof baseURL !== 'string' || !isHttpUrl(baseURL))
    throw new Error(`${at}.baseURL must be an http or https URL, such as http://127.0.0.1:8000/v1`);
  if (apiKey !== undefined && typeof apiKey !== 'string') throw new Error(`${at}.apiKey must be a string`);
  if (!isRecord(headers)) throw new Error(`${at}.headers must be an object of strings`);
  const expanded: Record<string, string> = {};
  for (const [header, text] of Object.entries(headers)) {
    if (typeof text !== 'string') throw new Error(`${at}.headers.${header} must be a string`);
    expanded[header] = expand(text, `${at}.headers.${header}`, environment);
  }
  return {
    name,
    baseUrl: withoutTrailing(baseURL, '/'),
    apiKey: apiKey === undefined ? undefined : expand(apiKey, `${at}.apiKey`, environment),
    headers: expanded,
    can: parseAbilities(can, at),
  };
}

function parseAbilities(can: unknown, at: string): ConfiguredAbilities {
  const names = Object.keys(modelAbilitiesSchema.properties);
  if (!isRecord(can)) throw new Error(`${at}.can must be an object, such as {"vision": true}`);
  for (const [name, value] of Object.entries(can)) {
    if (!names.includes(name))
      throw new Error(`${at}.can.${name} is not known; the names are ${names.join(', ')}`);
    if (typeof value !== 'boolean') throw new Error(`${at}.can.${name} must be true or false`);
  }
  return can;
}

/** Replaces `${NAME}` by the variable's value, so that keys need not be in the file. */
function expand(text: string, at: string, environment: Environment): string {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_whole, name: string) => {
    const value = environment[name];
    if (value === undefined) throw new Error(`${at}: the variable ${name} is not set`);
    return value;
  });
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
