// A door: a way in besides REST, such as the MCP server. It declares its routes like the resources of the REST API, so
// the gate, the limits, the log and /openapi.json cover them.

import type { HttpContext } from './context.ts';
import type { RouteDefinition } from './route.ts';

export type Door = (context: HttpContext) => readonly RouteDefinition[];
