// The agents that speak the Agent Client Protocol. Loaded when one of them is first needed.

import type { Driver } from '../driver.ts';
import { AcpAgent } from './acp-agent.ts';
import { createAcpDriver } from './acp-driver.ts';
import type { AcpAgents, AcpAgentsOptions } from './acp-types.ts';
import { unknownFacts } from './agent-config.ts';
import { LearnedFacts } from './agent-facts.ts';
import { systemTimers } from './timers.ts';

interface Entry {
  readonly agent: AcpAgent;
  readonly facts: LearnedFacts;
  readonly driver: Driver;
}

export function createAcpAgents(options: AcpAgentsOptions): AcpAgents {
  const { mcpServers, environment, serverEnvironment, warn, hasDenyRules } = options;
  const { timers = systemTimers, marks, redactor, version } = options;
  const entries = new Map<string, Entry>();

  /** A process works in one folder, so each workspace has its own. */
  function find(name: string, other?: string): Entry {
    const key = other === undefined ? name : `${name} ${other}`;
    const workspace = other ?? options.workspace;
    const cwd = other ?? options.cwd;
    const found = entries.get(key);
    if (found !== undefined) return found;
    const config = options.agents.find((agent) => agent.name === name);
    if (config === undefined) throw new Error(`the agent ${name} is not configured`);
    const surroundings = { serverEnvironment, environment, cwd, workspace };
    const agent = new AcpAgent({ config, surroundings, marks, redactor, version, timers, warn });
    const facts = other === undefined ? new LearnedFacts() : find(name).facts;
    const driver = createAcpDriver({
      agent,
      facts,
      workspace,
      mcpServers,
      mcp: { environment, cwd: options.mcpCwd, workspace, warn },
      hasDenyRules,
      timers,
    });
    const entry = { agent, facts, driver };
    entries.set(key, entry);
    return entry;
  }

  return {
    driverFor: (name, workspace) => find(name, workspace).driver,
    factsOf: (name) => entries.get(name)?.facts.facts ?? unknownFacts,
    async close() {
      await Promise.all([...entries.values()].map(({ agent }) => agent.close()));
    },
  };
}
