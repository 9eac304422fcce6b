// `codebuddy openapi`: the OpenAPI document of the running server.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { printJson } from './output.ts';

export function add(program: Command): void {
  withConnection(
    program.command('openapi').description('Prints the OpenAPI 3.1 document of the running server.'),
  ).action(async (options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => printJson(await client.openapi({ signal })));
  });
}
