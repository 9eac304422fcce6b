// The MCP server over the agent. Its module is loaded by the first request.

import type { Agent } from '../agent/agent.ts';
import { version } from '../base/version.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Logger } from '../http/logger.ts';
import { toProblem } from '../http/pipeline/problem.ts';
import { compileValidator } from '../http/pipeline/validation.ts';
import { nextCursorOf, pageRequest } from '../http/resources/cursor.ts';
import type { McpDoor } from '../mcp-server/door.ts';

/** How long a tool waits for a run, in ms. Clients give up after 60 s. */
const defaultPatienceMs = 45_000;

export interface McpDoorOptions {
  readonly log: EventLog;
  readonly agent: Agent;
  readonly logger: Logger | undefined;
  /** @default 45_000 */
  readonly patienceMs?: number;
}

export function mcpDoor({
  log,
  agent,
  logger,
  patienceMs = defaultPatienceMs,
}: McpDoorOptions): () => Promise<McpDoor> {
  const { runs, sessions, tools, allPermissions, inbox } = agent;
  const cursors = { read: pageRequest, next: nextCursorOf };
  const services = {
    runs,
    sessions,
    tools,
    permissions: allPermissions,
    inbox,
    events: log,
    checkOf,
    cursors,
  };
  let door: Promise<McpDoor> | undefined;
  return () => {
    door ??= import('../mcp-server/door.ts').then(({ createMcpDoor }) =>
      createMcpDoor({
        services,
        patienceMs,
        version,
        onInternalError: (error, requestId) =>
          logger?.error({ err: error, requestId }, 'An MCP request failed'),
      }),
    );
    return door;
  };
}

function checkOf(schema: object): (params: unknown) => unknown {
  const validate = compileValidator({ schema, method: 'POST', url: '/mcp', httpPart: 'body' });
  return (params) => {
    const outcome: unknown = validate(params);
    if (outcome === true) return params;
    if (typeof outcome === 'object' && outcome !== null && 'error' in outcome) throw toProblem(outcome.error);
    throw new TypeError('The validator returned neither true nor an error');
  };
}
