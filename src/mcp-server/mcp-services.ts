// The services that the tools and resources of the MCP server use.

import type { HttpServices } from '../http/services.ts';

/** All are present with the built-in agent. */
export type McpServices = Required<
  Pick<HttpServices, 'runs' | 'sessions' | 'tools' | 'permissions' | 'events'>
>;
