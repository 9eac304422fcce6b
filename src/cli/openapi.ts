// `codebuddy openapi`: the OpenAPI document of the running server.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { printJson } from './output.ts';

export function define(openapi: Command): void {
  withConnection(openapi).action(async (options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => printJson(await client.openapi({ signal })));
  });
}
