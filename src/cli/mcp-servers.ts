// `codebuddy mcp-servers`: programs and URLs with tools for the agent.

import type { Command } from 'commander';
import type { McpServer } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { invalid, repeated } from './option-values.ts';
import { complain, oneLine, print, printJson, printTable } from './output.ts';
import { UsageError } from './usage-error.ts';

interface AddOptions extends ConnectionOptions {
  readonly header?: readonly (readonly [string, string])[];
  readonly env?: readonly (readonly [string, string])[];
}

export function define(servers: Command): void {
  withConnection(servers.command('list').description('List the MCP servers with their states.')).action(
    async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.mcpServers.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['NAME', 'STATE', 'TOOLS', 'ORIGIN', 'SERVER', 'ERROR'],
          answer.mcpServers.map((one) => [
            one.name,
            one.state,
            String(one.tools),
            one.origin,
            one.command ?? one.url ?? '',
            one.lastError?.split('\n', 1)[0] ?? '',
          ]),
        );
      });
    },
  );
  withConnection(
    servers
      .command('add')
      .description('Add an MCP server for all sessions.')
      .argument('<name>', 'the part of tool names before __')
      .argument('<server...>', 'its URL, or after -- its program with arguments')
      .addOption(
        new Flag('--header <name: value>', 'header of requests to the URL; may be repeated', {
          parse: repeated((text: string) => pair('--header', text, ':')),
        }),
      )
      .addOption(
        new Flag('--env <name=value>', 'variable of the program; may be repeated', {
          parse: repeated((text: string) => pair('--env', text, '=')),
        }),
      ),
  )
    .addHelpText(
      'after',
      `
A program must be one that the setting mcpPrograms allows.

Examples:
  codebuddy mcp-servers add tracker https://mcp.example.com/mcp --header "Authorization: Bearer $TOKEN"
  codebuddy mcp-servers add files -- npx -y @modelcontextprotocol/server-filesystem /data`,
    )
    .action(async (name: string, words: readonly string[], options: AddOptions) => {
      const [first = '', ...args] = words;
      const { header = [], env = [] } = options;
      const isUrl = /^https?:/i.test(first);
      if (isUrl && (args.length > 0 || env.length > 0))
        throw new UsageError('A URL takes no arguments and no --env. Put a program after --.');
      if (!isUrl && header.length > 0) throw new UsageError('--header needs a URL.');
      const server = isUrl
        ? { url: first, ...(header.length === 0 ? {} : { headers: Object.fromEntries(header) }) }
        : { command: first, args, ...(env.length === 0 ? {} : { env: Object.fromEntries(env) }) };
      await withClient(options, async (client, signal) => {
        const added = await client.mcpServers.add({ name, server }, { signal });
        if (options.json) printJson(added);
        else print(`Added MCP server ${oneLine(added.name)}.`);
      });
    });
  withConnection(
    servers
      .command('remove')
      .description('Remove an MCP server that was added over the API.')
      .argument('<name>', 'its name'),
  ).action(async (name: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.mcpServers.remove(name, { signal });
      if (options.json) printJson({ removed: name });
      else print(`Removed MCP server ${oneLine(name)}.`);
    });
  });
  withConnection(
    servers.command('restart').description('Start an MCP server again.').argument('<name>', 'its name'),
  ).action(async (name: string, options: ConnectionOptions) => {
    await withClient(
      options,
      async (client, signal) => {
        const server = await client.mcpServers.restart(name, { signal });
        if (options.json) printJson(server);
        else print(`${oneLine(server.name)}: ${server.state}, ${server.tools} tools.`);
        if (server.state !== 'running') fail(server, options.json === true);
      },
      'Starting the server',
    );
  });
}

function fail({ name, lastError }: McpServer, json: boolean): void {
  if (!json) complain(`codebuddy: The MCP server ${oneLine(name)} ${lastError ?? 'is not running.'}`);
  process.exitCode = 1;
}

function pair(flag: string, text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  if (at <= 0)
    throw invalid(
      flag,
      `a name and a value with ${separator} between them`,
      text.split(separator, 1)[0] ?? '',
    );
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
