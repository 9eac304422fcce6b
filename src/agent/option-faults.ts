// What makes no sense in the agent's options: every fault, each with the setting that it stands in. `serve` refuses them and `doctor` shows them.

import { parseMcpServers } from './mcp/mcp-config.ts';
import { createModelLoader } from './models/model-loader.ts';
import { parseProviders } from './models/provider-config.ts';
import type { CustomProvider, Environment } from './models/providers.ts';
import { proxiesFrom } from './outbound-http.ts';
import { createFilesThatRunLater } from './permissions/files-that-run-later.ts';
import { parseRule } from './permissions/permission-rule.ts';

export interface OptionsToCheck {
  readonly models?: readonly string[];
  /** Where `models` came from, in words. @default 'the host' */
  readonly modelsOrigin?: string;
  readonly providers?: unknown;
  readonly mcpServers?: unknown;
  readonly permissions?: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly protectedPaths?: readonly string[];
}

export interface OptionFault {
  readonly option: 'models' | 'providers' | 'mcpServers' | 'permissions' | 'protectedPaths' | 'proxies';
  readonly message: string;
}

export function findOptionFaults(options: OptionsToCheck, environment: Environment): readonly OptionFault[] {
  const { providers, mcpServers, permissions, models = [], modelsOrigin = 'the host' } = options;
  const faults: OptionFault[] = [];
  function attempt<T>(option: OptionFault['option'], work: () => T, at = ''): T | undefined {
    try {
      return work();
    } catch (error) {
      faults.push({ option, message: `${at}${(error as Error).message}` });
      return undefined;
    }
  }

  eachEntry(mcpServers, (value) => attempt('mcpServers', () => parseMcpServers(value, environment)));
  for (const effect of ['allow', 'deny'] as const)
    permissions?.[effect].forEach((rule, index) => {
      attempt('permissions', () => parseRule(rule), `permissions.${effect}[${index}]: `);
    });
  attempt('protectedPaths', () => createFilesThatRunLater(options.protectedPaths));
  attempt('proxies', () => proxiesFrom(environment));
  const custom: CustomProvider[] = [];
  const named: string[] = [];
  eachEntry(providers, (value, name) => {
    if (name !== undefined) named.push(name);
    custom.push(...(attempt('providers', () => parseProviders(value, environment)) ?? []));
  });
  const loader = createModelLoader({ environment, custom });
  for (const id of models) {
    const wrong = id === 'offline' ? undefined : loader.check(id);
    // A provider that is wrong itself has been told of.
    if (wrong !== undefined && !named.includes(id.slice(0, id.indexOf('/'))))
      faults.push({
        option: 'models',
        message: `the model ${JSON.stringify(id)} (${modelsOrigin}) ${wrong}`,
      });
  }
  return faults;
}

/** One entry at a time, so that one that is wrong hides no other; what is not an object is given as it is. */
function eachEntry(value: unknown, work: (value: unknown, name?: string) => void): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) work(value);
  else for (const [name, entry] of Object.entries(value)) work({ [name]: entry }, name);
}
