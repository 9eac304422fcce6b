// The agents for `doctor`: which are there, and signed in. None is started.

import { builtinAgent } from '../../contract/agent-names.ts';
import type { AgentCheck } from '../agent-check.ts';
import { unknownFacts } from './agent-config.ts';
import type { AgentSurroundings } from './agent-program.ts';
import { describeAgent } from './describe-agent.ts';
import { parseAgents } from './parse-agents.ts';

const name = 'agents';

/** `agents` must be valid. An agent that was chosen or configured must be there, and signed in. */
export function inspectAgents(
  agents: unknown,
  chosen: string | undefined,
  surroundings: AgentSurroundings,
): readonly AgentCheck[] {
  const configured = Object.keys(agents ?? {});
  const all = parseAgents(agents, surroundings.serverEnvironment).map((config) =>
    describeAgent(config, { facts: unknownFacts, surroundings }),
  );
  const missing = all.filter((agent) => agent.status === 'not_found');
  const unused = missing.filter((agent) => agent.name !== chosen && !configured.includes(agent.name));
  const lines = all
    .filter((agent) => !unused.includes(agent))
    .map(({ name: agent, command, status, detail }): AgentCheck => {
      const isUsed = agent === chosen || configured.includes(agent);
      const isOk = status !== 'not_found' && !(status === 'not_signed_in' && agent === chosen);
      return {
        name: isUsed ? name : '',
        ok: isOk,
        detail: `${isUsed ? '' : '  '}${agent} (${command}): ${detail}`,
      };
    });
  return [
    { name, ok: true, detail: `${chosen ?? builtinAgent} answers new sessions` },
    ...lines,
    ...(unused.length === 0
      ? []
      : [{ name: '', ok: true, detail: `  not found: ${unused.map((agent) => agent.name).join(', ')}` }]),
  ];
}
