// `codebuddy nodes`: the nodes that share the database.

import type { Command } from 'commander';
import type { Node } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { localTime } from './local-time.ts';
import { printJson, printTable } from './output.ts';

export function define(nodes: Command): void {
  withConnection(
    nodes
      .command('list')
      .description('List the nodes that share the database and were seen in the last hour, oldest first.'),
  ).action(async (options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      const answer = await client.nodes.list({ signal });
      if (options.json) return printJson(answer);
      printTable(
        ['ID', 'URL', 'VERSION', 'STATE', 'STARTED', 'LEASE UNTIL', 'WEBHOOKS', 'RUNS', 'LAG'],
        answer.nodes.map((node) => [
          node.id,
          node.url ?? '-',
          node.version,
          stateOf(node),
          localTime(node.startedAt),
          node.leaseUntil === null ? '-' : localTime(node.leaseUntil),
          String(node.owns.lanes),
          String(node.owns.runs),
          node.lag === null ? '-' : String(node.lag),
        ]),
      );
    });
  });
}

function stateOf({ status, self }: Node): string {
  return self && status === 'alive' ? 'alive (answers)' : status;
}
