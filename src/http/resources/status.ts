// The route `GET /api/status`: the process, the agent, the sandbox and the webhooks.

import type { FastifyRequest } from 'fastify';
import { type SandboxDescription, sandboxSchema } from '../../contract/sandbox.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import { webhookAttentionSchema } from '../../contract/webhook.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { webhooksToLookAt } from './webhook-attention.ts';
import { webhookFor } from './webhook-visibility.ts';

const bytes = { type: 'integer', description: 'Bytes.' } as const;
const count = { type: 'integer', minimum: 0 } as const;

const statusSchema = {
  type: 'object',
  title: 'Status',
  properties: {
    running: { type: 'boolean' },
    uptime: { type: 'number', description: 'Seconds since the server started.' },
    memory: {
      type: 'object',
      properties: { rss: bytes, heapTotal: bytes, heapUsed: bytes, external: bytes },
      required: ['rss', 'heapTotal', 'heapUsed', 'external'],
      additionalProperties: false,
    },
    pid: { type: 'integer' },
    version: { type: 'string' },
    node: { type: 'string', description: 'Version of Node.js.' },
    agent: { type: 'string', description: '`delegated` if the host application answers prompts.' },
    model: { type: ['string', 'null'] },
    workspace: {
      type: ['string', 'null'],
      description: 'The folder that tools work in. Null if the host application answers prompts.',
    },
    activeRuns: count,
    costToday: {
      type: ['number', 'null'],
      description:
        'US dollars that the runs of today (UTC) have cost, over all nodes; models without a known price count as 0. Null if the database does not answer; absent if the host application answers prompts.',
    },
    sandbox: sandboxSchema,
    webhooks: {
      type: 'object',
      properties: {
        enabled: { type: 'boolean' },
        pending: count,
        failed: count,
        refused: {
          ...count,
          description:
            'Number of webhooks whose entries in webhooks.json cannot be used. Absent if there are none.',
        },
        attention: {
          type: 'array',
          items: webhookAttentionSchema,
          description:
            'Webhooks that need attention: failing, open, unreachable, refused, or disabled automatically. Absent if there are none.',
        },
        setAside: {
          type: 'array',
          items: { type: 'string' },
          description: 'Copies of webhooks.json that could not be read. Absent if there are none.',
        },
      },
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
type WebhookFigures = SchemaType<typeof statusSchema>['webhooks'];

/** The route of the status. */
export function statusRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { services, handlers } = context;

  async function describeWebhooks(request: FastifyRequest): Promise<WebhookFigures> {
    if (services.webhooks === undefined) return { enabled: false, pending: 0, failed: 0 };
    const [{ pending, failedInHistory, refused = 0 }, all] = await Promise.all([
      services.webhooks.stats(),
      services.webhooks.list(),
    ]);
    const attention = webhooksToLookAt(all.map((webhook) => webhookFor(request, webhook)));
    const setAside = services.webhooks.setAside?.() ?? [];
    return {
      enabled: true,
      pending,
      failed: failedInHistory,
      ...(refused > 0 ? { refused } : {}),
      ...(attention.length > 0 ? { attention } : {}),
      ...(setAside.length > 0 ? { setAside } : {}),
    };
  }

  async function describeCost(): Promise<{ costToday?: number | null }> {
    if (handlers.onPrompt !== undefined || services.runs?.costToday === undefined) return {};
    try {
      return { costToday: await services.runs.costToday() };
    } catch (error) {
      context.logger.warn({ err: error }, 'the cost of today is missing from the status');
      return { costToday: null };
    }
  }

  async function describeSandbox(): Promise<{ sandbox?: SandboxDescription }> {
    const sandbox = await services.describeSandbox?.();
    return sandbox === undefined ? {} : { sandbox };
  }

  return [
    {
      method: 'GET',
      path: '/api/status',
      operationId: 'getStatus',
      summary: 'Get the status of the process, the agent and the webhooks.',
      scope: 'read',
      schema: { response: { 200: statusSchema } },
      handler: async (request) => {
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
          ...(await describeCost()),
          ...(await describeSandbox()),
          webhooks: await describeWebhooks(request),
        };
      },
    },
  ];
}
