// Finds every invalid value in the agent's options, with its setting. `serve` refuses to start with them; `doctor`
// shows them.

import { parseAgents, requireAgent } from './acp/parse-agents.ts';
import { parseMcpServers } from './mcp/mcp-config.ts';
import { languageModels } from './models/find-model.ts';
import { createModelLoader } from './models/model-loader.ts';
import { parseProviders } from './models/provider-config.ts';
import type { CustomProvider, Environment } from './models/providers.ts';
import { proxiesFrom } from './outbound-http.ts';
import { createFilesThatRunLater } from './permissions/files-that-run-later.ts';
import { parseRule } from './permissions/permission-rule.ts';

export interface OptionsToCheck {
  readonly models?: readonly string[];
  /** Where `models` was set, for error messages. @default 'the host' */
  readonly modelsOrigin?: string;
  readonly providers?: unknown;
  readonly mcpServers?: unknown;
  readonly agents?: unknown;
  readonly agent?: string;
  /** Where `agent` was set, for error messages. @default 'the host' */
  readonly agentOrigin?: string;
  readonly permissions?: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly protectedPaths?: readonly string[];
}

export interface OptionFault {
  readonly option:
    | 'models'
    | 'providers'
    | 'mcpServers'
    | 'agents'
    | 'permissions'
    | 'protectedPaths'
    | 'proxies';
  readonly message: string;
}

export function findOptionFaults(options: OptionsToCheck, environment: Environment): readonly OptionFault[] {
  const { providers, mcpServers, agents, agent, permissions, models = [] } = options;
  const { modelsOrigin = 'the host', agentOrigin = 'the host' } = options;
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
  const before = faults.length;
  eachEntry(agents, (value) => attempt('agents', () => parseAgents(value, environment)));
  // With an invalid entry, the names are not known. Its fault is already listed.
  if (agent !== undefined && faults.length === before)
    attempt('agents', () => requireAgent(agent, parseAgents(agents, environment), agentOrigin));
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
  for (const id of languageModels(models)) {
    const wrong = loader.check(id);
    // The fault of an invalid provider is already listed.
    if (wrong !== undefined && !named.includes(id.slice(0, id.indexOf('/'))))
      faults.push({
        option: 'models',
        message: `the model ${JSON.stringify(id)} (${modelsOrigin}) ${wrong}`,
      });
  }
  return faults;
}

/**
 * Calls `work` for each entry alone, so that one invalid entry does not hide others. A value that is not an object is
 * passed on unchanged.
 */
function eachEntry(value: unknown, work: (value: unknown, name?: string) => void): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) work(value);
  else for (const [name, entry] of Object.entries(value)) work({ [name]: entry }, name);
}
