// `client.mcpServers`.

import type { Answer, Body, McpServer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** MCP servers of all sessions: programs and URLs with tools for the agent. */
export class McpServers extends Resource {
  /** Lists the MCP servers with their states. */
  list(options?: CallOptions): Promise<Answer<'listMcpServers', 200>> {
    return this.calls.get('/api/mcp-servers', options);
  }

  /**
   * Adds an MCP server for all sessions.
   *
   * @throws CodeBuddyApiError `validation_failed`, `mcp_server_exists`
   * @example
   * await client.mcpServers.add({ name: 'tracker', server: { url: 'https://mcp.example.com/mcp' } });
   */
  add(body: Body<'addMcpServer'>, options?: CallOptions): Promise<McpServer> {
    return this.calls.send('POST', '/api/mcp-servers', body, options);
  }

  /** Ends a server that was added over the API. @throws CodeBuddyApiError `mcp_server_not_found`, `mcp_server_exists` */
  remove(name: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('mcp-servers', name), undefined, options);
  }

  /** Starts a server again; resolves when it is running or has failed. @throws CodeBuddyApiError `mcp_server_not_found` */
  restart(name: string, options?: CallOptions): Promise<McpServer> {
    return this.calls.send('POST', pathOf('mcp-servers', name, '/restart'), undefined, {
      timeoutMs: 0,
      ...options,
    });
  }
}
