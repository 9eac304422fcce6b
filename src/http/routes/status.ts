// `GET /api/status`: the process and the agent in it, at a glance.

import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

const bytes = { type: 'integer', description: 'Bytes.' } as const;
const count = { type: 'integer', minimum: 0 } as const;

const statusSchema = {
  type: 'object',
  title: 'Status',
  properties: {
    running: { type: 'boolean' },
    uptime: { type: 'number', description: 'Seconds since the server was started.' },
    memory: {
      type: 'object',
      properties: { rss: bytes, heapTotal: bytes, heapUsed: bytes, external: bytes },
      required: ['rss', 'heapTotal', 'heapUsed', 'external'],
      additionalProperties: false,
    },
    pid: { type: 'integer' },
    version: { type: 'string' },
    node: { type: 'string', description: 'Version of Node.js.' },
    agent: { type: 'string', description: '`delegated`: the host application answers itself.' },
    model: { type: ['string', 'null'] },
    workspace: {
      type: ['string', 'null'],
      description: 'The folder that tools work in; null if the host application answers itself.',
    },
    activeRuns: count,
    webhooks: {
      type: 'object',
      properties: { enabled: { type: 'boolean' }, pending: count, failed: count },
      required: ['enabled', 'pending', 'failed'],
      additionalProperties: false,
    },
  },
  required: [
    'running',
    'uptime',
    'memory',
    'pid',
    'version',
    'node',
    'agent',
    'model',
    'workspace',
    'activeRuns',
    'webhooks',
  ],
  additionalProperties: false,
} as const;

const delegated = { agent: 'delegated', model: null, workspace: undefined } as const;

export function statusRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;

  async function describeWebhooks(): Promise<{ enabled: boolean; pending: number; failed: number }> {
    if (services.webhooks === undefined) return { enabled: false, pending: 0, failed: 0 };
    const { pending, failedInHistory } = await services.webhooks.stats();
    return { enabled: true, pending, failed: failedInHistory };
  }

  return [
    {
      method: 'GET',
      path: '/api/status',
      operationId: 'getStatus',
      summary: 'The process, the agent and its model, active runs, webhooks',
      scope: 'read',
      schema: { response: { 200: statusSchema } },
      handler: async () => {
        const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
        const described = handlers.onPrompt === undefined ? services.describeAgent?.() : delegated;
        return {
          running: true,
          uptime: (performance.now() - context.startedAt) / 1000,
          memory: { rss, heapTotal, heapUsed, external },
          pid: process.pid,
          version: context.version,
          node: process.version,
          agent: described?.agent ?? 'none',
          model: described?.model ?? null,
          workspace: described?.workspace ?? null,
          activeRuns: services.runs?.activeCount() ?? 0,
          webhooks: await describeWebhooks(),
        };
      },
    },
  ];
}
