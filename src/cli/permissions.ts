// `codebuddy permissions`: the tool calls that need a decision, and the decision.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { withId } from './id-argument.ts';
import { localTime } from './local-time.ts';
import { textOf } from './option-values.ts';
import { oneLine, print, printJson, printTable } from './output.ts';

interface DecideOptions extends ConnectionOptions {
  readonly always?: boolean;
  readonly reason?: string;
}

export function define(permissions: Command): void {
  withConnection(permissions.command('list').description('List pending permissions, oldest first.')).action(
    list,
  );
  withDecision(permissions, 'allow', 'Allow a pending tool call.').option(
    '--always',
    'also allow the same call for the rest of the session; see the list for what that covers',
  );
  withDecision(permissions, 'deny', 'Deny a pending tool call. The model is informed.');
}

async function list(options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client, signal) => {
    const answer = await client.permissions.list({ limit: limits.page.maximum }, { signal });
    if (options.json) return printJson(answer);
    if (answer.permissions.length === 0) return print('No pending permissions.');
    printTable(
      ['ID', 'RUN', 'TOOL', 'SANDBOX', 'UNTIL', '--ALWAYS COVERS', 'PARAMETERS'],
      answer.permissions.map(({ id, runId, tool, sandbox, expiresAt, rule, alwaysCovers, params }) => [
        id,
        runId,
        tool,
        sandbox ?? '-',
        expiresAt === null ? '-' : localTime(expiresAt),
        alwaysCovers ?? rule,
        JSON.stringify(params),
      ]),
    );
  });
}

function withDecision(permissions: Command, name: 'allow' | 'deny', description: string): Command {
  return withConnection(withId(permissions.command(name).description(description), 'prm'))
    .addOption(
      new Flag('--reason <text>', 'reason, passed to the model', {
        field: 'reason',
        parse: textOf('--reason', limits.permissionReason),
      }),
    )
    .action(async (id: string, { always, reason, ...options }: DecideOptions) => {
      await withClient(options, async (client, signal) => {
        const decision = name === 'allow' && always ? 'allow_always' : name;
        const body = { decision, ...(reason === undefined ? {} : { reason }) } as const;
        const permission = await client.permissions.decide(id, body, { signal });
        if (options.json) printJson(permission);
        else print(`${permission.status}: ${oneLine(permission.rule)}`);
      });
    });
}
