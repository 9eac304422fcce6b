// The MCP servers that an editor passes with a session, in the format of the API.

import type { McpServer } from '@agentclientprotocol/sdk/unstable';
import { invalidParams } from './request-errors.ts';

export type McpServers = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** @throws RequestError */
export function mcpServersOf(servers: readonly McpServer[]): McpServers {
  const byName = new Map<string, Readonly<Record<string, unknown>>>();
  for (const [index, server] of servers.entries()) {
    const name = nameOf(server.name);
    if (byName.has(name)) throw invalidParams(`mcpServers[${index}].name is ${JSON.stringify(name)} twice.`);
    byName.set(name, entryOf(server, index));
  }
  return Object.fromEntries(byName);
}

function entryOf(server: McpServer, index: number): Readonly<Record<string, unknown>> {
  if (!('type' in server)) {
    const { command, args, env } = server;
    return { command, args, env: pairs(env) };
  }
  if (server.type !== 'http')
    throw invalidParams(
      `mcpServers[${index}].type must be http, or a program with a command: ${server.type} is not supported.`,
    );
  return { url: server.url, headers: pairs(server.headers) };
}

/** Names of tools begin with the name, so it has the characters that they may have. */
function nameOf(name: string): string {
  const legal = name
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== '')
    .join('-')
    .slice(0, 64);
  return legal === '' ? 'server' : legal;
}

function pairs(list: readonly { readonly name: string; readonly value: string }[]) {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}
