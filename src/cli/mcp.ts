// `codebuddy mcp`: an MCP server on standard input and output, for clients that start their servers themselves. It only
// passes messages on to `POST /mcp` of a running server.

import type { Command } from 'commander';
import { nodeConnection } from '../client/node/node-connection.ts';
import { type ConnectionOptions, clientOptionsOf, withClient, withConnection } from './connection.ts';
import { createMcpRelay } from './mcp-relay.ts';
import { readLines } from './read-lines.ts';

/** A longer message is refused: the server reads no more, either. */
const maxLineBytes = 16 * 1024 * 1024;

export function define(mcp: Command): void {
  withConnection(mcp, { json: false })
    .description(
      'Serve the agent to an MCP client on standard input and output. The messages go to the running server; its log and limits apply.',
    )
    .addHelpText(
      'after',
      `
The server that runs is used; if there is none, one is started. Standard output carries messages only.

Examples:
  claude mcp add codebuddy -- codebuddy mcp
  codex mcp add codebuddy -- codebuddy mcp
  gemini mcp add codebuddy codebuddy mcp`,
    )
    .action(async (options: ConnectionOptions) => {
      // Starts the server if none runs.
      await withClient(options, async (_client, signal) => {
        const connection = nodeConnection(clientOptionsOf(options));
        const relay = createMcpRelay(connection, (message) => process.stdout.write(`${message}\n`));
        signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
        process.once('SIGTERM', () => process.stdin.destroy());
        // The client has gone.
        process.stdout.once('error', () => process.stdin.destroy());
        for await (const line of readLines(process.stdin, maxLineBytes)) relay.take(line);
        relay.close();
        connection.close?.();
      });
    });
}
