// The routes of metrics: `GET /api/metrics` as JSON and `GET /metrics` for Prometheus. Metrics of the host application,
// from `onGetMetrics`, are merged over those of the server.

import { addRunStats, type RunStats } from '../../base/run-figures.ts';
import type { Webhook } from '../../contract/webhook.ts';
import { objectFromHandler } from '../call-handler.ts';
import type { HttpContext } from '../context.ts';
import { buildFamily, permissionFamilies, runFamilies, runFigures } from '../metrics/agent-metrics.ts';
import { leaseFamilies, nodeFamilies, nodeMetrics } from '../metrics/node-metrics.ts';
import type { MetricFamily } from '../metrics/prometheus-text.ts';
import { metricName, prometheusContentType } from '../metrics/prometheus-text.ts';
import { triggerFamilies } from '../metrics/trigger-metrics.ts';
import {
  webhookFamilies,
  webhookFigures,
  webhookStateFamily,
  webhookStates,
} from '../metrics/webhook-metrics.ts';
import type { RouteDefinition } from '../route.ts';
import type { WebhookService } from '../webhook-service.ts';

const metricsSchema = {
  type: 'object',
  properties: { metrics: { type: 'object', additionalProperties: true } },
  required: ['metrics'],
} as const;

/** The routes of metrics. Also registers the metrics of the services. */
export function metricsRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { metrics, handlers, services, logger } = context;
  const { events, runs, webhooks, triggers, permissions, nodes } = services;
  if (events !== undefined) {
    metrics.addSource(
      'codebuddy_events_appended_total',
      'Events appended since the process started.',
      'counter',
      () => events.stats().appended,
    );
    metrics.addSource(
      'codebuddy_event_subscribers',
      'Subscribers of the event log, including streams.',
      'gauge',
      () => events.stats().subscribers,
    );
  }
  if (runs !== undefined)
    metrics.addSource('codebuddy_runs_active', 'Runs that have not ended.', 'gauge', () =>
      runs.activeCount(),
    );

  /** Runs of the agent, and prompts answered by the host application. */
  function runStats(): RunStats {
    const delegated = metrics.delegatedRuns.stats();
    const own = services.runs?.stats?.();
    return own === undefined ? delegated : addRunStats(own, delegated);
  }

  async function figuresOfHost(): Promise<object> {
    return handlers.onGetMetrics === undefined
      ? {}
      : objectFromHandler('onGetMetrics', handlers.onGetMetrics);
  }

  /** Monitoring needs the other metrics most when one part fails. */
  async function orNone(
    owner: string,
    read: () => Promise<readonly MetricFamily[]>,
  ): Promise<readonly MetricFamily[]> {
    try {
      return await read();
    } catch (error) {
      logger.error({ err: error }, `${owner} failed. Its metrics are missing from /metrics`);
      return [];
    }
  }

  return [
    {
      method: 'GET',
      path: '/api/metrics',
      operationId: 'getMetrics',
      summary: 'Get metrics of the server and the host application as JSON.',
      scope: 'read',
      schema: { response: { 200: metricsSchema } },
      handler: async () => ({
        metrics: {
          ...(await metrics.toObject()),
          build: { version: context.version, node: process.version },
          runs: runFigures(runStats(), services.runs?.stats?.().states),
          ...(permissions?.stats === undefined ? {} : { permissions: permissions.stats() }),
          ...(triggers?.stats === undefined ? {} : { triggers: { calls: triggers.stats() } }),
          ...(webhooks === undefined
            ? {}
            : {
                webhooks: {
                  ...webhookFigures(await webhooks.stats()),
                  byState: webhookStates(await ownWebhooks(webhooks)),
                },
              }),
          ...(nodes === undefined ? {} : { nodes: nodeMetrics(nodes.lease(), await nodes.list()) }),
          ...(await figuresOfHost()),
        },
      }),
    },
    {
      method: 'GET',
      path: '/metrics',
      operationId: 'getPrometheusMetrics',
      summary: 'Get metrics in the Prometheus text format.',
      scope: 'read',
      docs: {
        content: {
          200: { 'text/plain': { type: 'string', description: 'Prometheus text format 0.0.4.' } },
        },
      },
      handler: async (_request, reply) => {
        const extra = [
          buildFamily(context.version),
          ...runFamilies(runStats(), services.runs?.stats?.().states),
          ...(permissions?.stats === undefined ? [] : permissionFamilies(permissions.stats())),
          ...(triggers?.stats === undefined ? [] : triggerFamilies(triggers.stats())),
          ...(await orNone('The webhook engine', async () =>
            webhooks === undefined
              ? []
              : [...webhookFamilies(await webhooks.stats()), webhookStateFamily(await ownWebhooks(webhooks))],
          )),
          ...(nodes === undefined ? [] : leaseFamilies(nodes.lease())),
          ...(await orNone('The list of nodes', async () =>
            nodes === undefined ? [] : nodeFamilies(await nodes.list()),
          )),
          ...(await orNone('onGetMetrics', async () => hostFamilies(await figuresOfHost()))),
        ];
        return reply.type(prometheusContentType).send(await metrics.renderText(extra));
      },
    },
  ];
}

/**
 * Converts the numbers of the host application to gauges: `{queue: {depth: 3}}` becomes `codebuddy_host_queue_depth 3`.
 */
function hostFamilies(figures: object): readonly MetricFamily[] {
  const families = new Map<string, MetricFamily>();
  collect('codebuddy_host', figures, 0);
  return [...families.values()];

  function collect(prefix: string, node: object, depth: number): void {
    for (const [key, value] of Object.entries(node)) {
      const name = metricName(`${prefix}_${key}`);
      if (typeof value === 'number')
        families.set(name, { name, help: `${key}, from onGetMetrics.`, type: 'gauge', samples: [{ value }] });
      else if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < 4)
        collect(name, value, depth + 1);
    }
  }
}

/** Those of other nodes are in their metrics. */
function ownWebhooks(webhooks: WebhookService): Promise<readonly Webhook[]> {
  return webhooks.listOwn?.() ?? webhooks.list();
}
