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
  const { workspace, mcpServers, environment, serverEnvironment, cwd, warn, hasDenyRules } = options;
  const { timers = systemTimers, marks, redactor, version } = options;
  const entries = new Map<string, Entry>();

  function find(name: string): Entry {
    const found = entries.get(name);
    if (found !== undefined) return found;
    const config = options.agents.find((agent) => agent.name === name);
    if (config === undefined) throw new Error(`the agent ${name} is not configured`);
    const surroundings = { serverEnvironment, environment, cwd, workspace };
    const agent = new AcpAgent({ config, surroundings, marks, redactor, version, timers, warn });
    const facts = new LearnedFacts();
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
    entries.set(name, entry);
    return entry;
  }

  return {
    driverFor: (name) => find(name).driver,
    factsOf: (name) => entries.get(name)?.facts.facts ?? unknownFacts,
    async close() {
      await Promise.all([...entries.values()].map(({ agent }) => agent.close()));
    },
  };
}
