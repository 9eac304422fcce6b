// The service of MCP servers, as the REST server takes it.

import type { McpServer } from '../contract/mcp-server.ts';

export interface McpServerService {
  list(): readonly McpServer[];
  /** @throws CodeBuddyError `validation_failed`, `mcp_server_exists` */
  add(name: string, server: Readonly<Record<string, unknown>>): Promise<McpServer>;
  /** @throws CodeBuddyError `mcp_server_not_found`, `mcp_server_exists` */
  remove(name: string): Promise<void>;
  /** @throws CodeBuddyError `mcp_server_not_found` */
  restart(name: string): Promise<McpServer>;
}
