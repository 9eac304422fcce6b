// The configured MCP servers, as agents take them. The agent starts them itself.

import type { McpServer } from '@agentclientprotocol/sdk';
import type { McpServerConfig } from '../mcp/mcp-config.ts';
import { serverProgram } from '../mcp/server-program.ts';

export interface McpSurroundings {
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly workspace: string;
  readonly warn: (message: string) => void;
}

/** `takesUrls`: whether the agent connects to servers behind a URL. Others are left out, with a warning. */
export function passMcpServers(
  servers: readonly McpServerConfig[],
  { takesUrls, agent }: { readonly takesUrls: boolean; readonly agent: string },
  { environment, cwd, workspace, warn }: McpSurroundings,
): readonly McpServer[] {
  return servers.flatMap((server): McpServer[] => {
    const { name, disabled } = server;
    if (disabled === true) return [];
    const leaveOut = (why: string): [] => {
      warn(`the agent ${agent} does not get the MCP server ${name}: ${why}`);
      return [];
    };
    if (server.kind === 'http')
      return takesUrls
        ? [{ type: 'http', name, url: server.url, headers: pairs(server.headers) }]
        : leaveOut('the agent does not connect to servers behind a URL');
    try {
      const { command, args } = serverProgram(server, { environment, cwd, workspace });
      return [{ name, command, args: [...args], env: pairs(server.env) }];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return leaveOut(`it ${error.message}`);
    }
  });
}

function pairs(values: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
