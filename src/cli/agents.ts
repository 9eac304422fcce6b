// `codebuddy agents`: the agents that could answer, which of them are there, and what each can do.

import type { Command } from 'commander';
import type { Agent } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';

export function define(agents: Command): void {
  withConnection(agents)
    .description('List the agents that could answer, which of them are there, and what each can do.')
    .addHelpText(
      'after',
      `
No agent is started. STATUS is ready (found and signed in), not signed in, not found, or unknown (found; only its
start shows whether it is signed in). MODES are the permission modes that it can work in. OPTIONS are the options of a
prompt that it applies; those with a ? are known after its first answer.

Examples:
  codebuddy agents
  codebuddy prompt --agent claude 'explain this repository'
  codebuddy agents --json | jq -r '.agents[] | select(.status == "ready") | .name'`,
    )
    .action(async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.agents.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['AGENT', 'STATUS', 'MODES', 'OPTIONS', 'DETAIL'],
          answer.agents.map((agent) => [
            agent.isDefault ? `${agent.name} (default)` : agent.name,
            agent.status.replaceAll('_', ' '),
            agent.permissionModes.join(', ') || '-',
            optionsOf(agent),
            agent.detail,
          ]),
        );
        const [first] = answer.agents;
        if (first !== undefined) print(`\n${paint('bold', oneLine(first.name))} answers new sessions.`);
        print(paint('dim', 'To choose another one: --agent AGENT, or codebuddy config set agent AGENT'));
      });
    });
}

/** `model, maxCost?` */
function optionsOf({ capabilities }: Agent): string {
  const { model, system, maxSteps, maxTokens, maxCost } = capabilities;
  const shown = Object.entries({ model, system, maxSteps, maxTokens, maxCost }).flatMap(([name, can]) =>
    can === false ? [] : [can === null ? `${name}?` : name],
  );
  return shown.join(', ') || '-';
}
