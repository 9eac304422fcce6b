// `codebuddy permissions`: which tools wait for a person, and the answer.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { textOf } from './option-values.ts';
import { oneLine, print, printJson, printTable } from './output.ts';

interface DecideOptions extends ConnectionOptions {
  readonly always?: boolean;
  readonly reason?: string;
}

export function add(program: Command): void {
  const permissions = program
    .command('permissions')
    .description('Lists tools that wait, allows or denies them.');
  withConnection(
    permissions.command('list').description('Lists the tools that wait for an answer, oldest first.'),
  ).action(async (options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const answer = await client.permissions.list({ limit: 200 }, { signal });
      if (options.json) return printJson(answer);
      if (answer.permissions.length === 0) return print('Nothing waits.');
      printTable(
        ['ID', 'RUN', 'TOOL', 'SANDBOX', 'UNTIL', 'ALWAYS WOULD ALLOW', 'PARAMETERS'],
        answer.permissions.map(({ id, runId, tool, sandbox, expiresAt, rule, alwaysCovers, params }) => [
          id,
          runId,
          tool,
          sandbox ?? '-',
          localTime(expiresAt),
          alwaysCovers ?? rule,
          JSON.stringify(params),
        ]),
      );
    });
  });
  const decide = (name: 'allow' | 'deny', description: string): Command =>
    withConnection(withId(permissions.command(name).description(description), 'prm'))
      .option('--reason <text>', 'told to the model', textOf('--reason', 0, 1000))
      .action(async (id: string, { always, reason, ...options }: DecideOptions) => {
        await withClient(options, async (client, signal) => {
          const decision = name === 'allow' && always ? 'allow_always' : name;
          const body = { decision, ...(reason === undefined ? {} : { reason }) } as const;
          const permission = await client.permissions.decide(id, body, { signal });
          if (options.json) printJson(permission);
          else print(`${permission.status}: ${oneLine(permission.rule)}`);
        });
      });
  decide('allow', 'Lets a tool run that waits.').option(
    '--always',
    'also for the rest of the session; the list says what that covers',
  );
  decide('deny', 'Denies a tool that waits; the model is told.');
}
