// Collects the built-in routes, in the order of the API reference.

import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { agentRoutes } from './agents.ts';
import { indexRoutes } from './api-index.ts';
import { compactionRoutes } from './compaction.ts';
import { dashboardRoutes } from './dashboard.ts';
import { deliveryRoutes } from './deliveries.ts';
import { docsRoutes } from './docs.ts';
import { eventRoutes } from './events.ts';
import { fileRoutes } from './files.ts';
import { healthRoutes } from './health.ts';
import { inboxRoutes } from './inbox.ts';
import { keyRoutes } from './keys.ts';
import { mcpRoutes } from './mcp.ts';
import { mcpServerRoutes } from './mcp-servers.ts';
import { metricsRoutes } from './metrics.ts';
import { modelRoutes } from './models.ts';
import { nodeRoutes } from './nodes.ts';
import { openAiRoutes } from './openai.ts';
import { permissionRoutes } from './permissions.ts';
import { promptRoutes } from './prompt.ts';
import { runRoutes } from './runs.ts';
import { searchRoutes } from './search.ts';
import { sessionChangeRoutes } from './session-changes.ts';
import { sessionRoutes } from './sessions.ts';
import { settingRoutes } from './settings.ts';
import { signInRoutes } from './sign-in.ts';
import { statusRoutes } from './status.ts';
import { steerRoutes } from './steer.ts';
import { streamTicketRoutes } from './stream-tickets.ts';
import { toolRoutes } from './tools.ts';
import { triggerCallRoutes } from './trigger-calls.ts';
import { triggerRoutes } from './triggers.ts';
import { uploadRoutes } from './uploads.ts';
import { webhookRoutes } from './webhooks.ts';
import { workspaceRoutes } from './workspaces.ts';

/** All built-in routes for the services of `context`. */
export function builtInRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    ...healthRoutes(context),
    ...indexRoutes(context),
    ...statusRoutes(context),
    ...metricsRoutes(context),
    ...promptRoutes(context),
    ...uploadRoutes(context),
    ...openAiRoutes(context),
    ...runRoutes(context),
    ...permissionRoutes(context),
    ...inboxRoutes(context),
    ...toolRoutes(context),
    ...mcpServerRoutes(context),
    ...sessionRoutes(context),
    ...workspaceRoutes(context),
    ...sessionChangeRoutes(context),
    ...fileRoutes(context),
    ...steerRoutes(context),
    ...compactionRoutes(context),
    ...searchRoutes(context),
    ...eventRoutes(context),
    ...streamTicketRoutes(context),
    ...webhookRoutes(context),
    ...deliveryRoutes(context),
    ...triggerRoutes(context),
    ...triggerCallRoutes(context),
    ...keyRoutes(context),
    ...signInRoutes(context),
    ...nodeRoutes(context),
    ...settingRoutes(context),
    ...agentRoutes(context),
    ...modelRoutes(context),
    ...mcpRoutes(context),
    ...docsRoutes(context),
    ...dashboardRoutes(context),
  ];
}
