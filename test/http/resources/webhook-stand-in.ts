// A webhook engine that only records the calls of the REST server, and answers with complete objects of every shape.

import { CodeBuddyError } from '../../../src/base/errors.ts';
import type { Delivery, DeliveryRequest } from '../../../src/contract/delivery.ts';
import type { Webhook } from '../../../src/contract/webhook.ts';
import type { WebhookStats } from '../../../src/contract/webhook-stats.ts';
import type { WebhookService } from '../../../src/http/webhook-service.ts';

const at = '2026-11-23T10:00:00.000Z';

export const aWebhook: Webhook = {
  id: 'whk_1',
  name: 'mine',
  url: 'https://example.org/hook',
  events: ['*'],
  enabled: true,
  headers: { authorization: '***' },
  retryCount: 21,
  retryDelay: 1000,
  timeout: 15_000,
  ordered: false,
  legacySignature: true,
  description: '',
  signed: true,
  publicKey: null,
  runId: null,
  state: {
    status: 'healthy',
    detail: 'All is well.',
    pending: 0,
    inFlight: 0,
    failures: 0,
    failingSince: null,
    lastSuccessAt: at,
    pausedUntil: null,
    nextProbeAt: null,
    disabledAt: null,
    disabledReason: null,
    missed: 0,
  },
};

export const aDelivery: Delivery = {
  id: 'dlv_1',
  webhookId: 'whk_1',
  eventId: 'evt_1',
  event: 'run.complete',
  sequence: 7,
  status: 'failed',
  attempts: 1,
  createdAt: at,
  expiresAt: at,
  nextAttemptAt: null,
  endedAt: at,
  reason: 'HTTP 500',
  attemptLog: [
    {
      number: 1,
      at,
      durationMs: 12.5,
      outcome: 'http_error',
      statusCode: 500,
      message: 'HTTP 500',
      responseExcerpt: 'what a machine inside said',
      counted: true,
    },
  ],
};

export const someStats: WebhookStats = {
  emitted: 10,
  delivered: 7,
  failed: 2,
  retried: 4,
  inFlight: 1,
  pending: 3,
  oldestPendingAgeMs: 2500,
  failedInHistory: 5,
  refused: 0,
  latency: {
    success: {
      buckets: [
        [0.1, 6],
        [1, 7],
      ],
      sum: 1.25,
      count: 7,
    },
    timeout: { buckets: [[0.1, 0]], sum: 30, count: 2 },
  },
};

export interface StandIn {
  readonly service: WebhookService;
  /** Each call: the method, then its arguments. */
  readonly calls: (readonly [string, ...unknown[]])[];
}

const aRequest: DeliveryRequest = {
  attempt: 2,
  method: 'POST',
  url: 'https://example.org/hook/with-a-token',
  headers: {
    'content-type': 'application/json',
    'webhook-signature': 'v1,signature',
    'X-Own': 'own-value',
  },
  body: '{"id":"evt_1"}',
  signedWith: 'current_secret',
};

/** `answers` replace the results of methods. */
export function standIn(answers: Partial<WebhookService> = {}): StandIn {
  const calls: [string, ...unknown[]][] = [];
  const secret = { secret: 'whsec_shown_once', signingSecret: 'whsec_shown_once' };
  const plain: WebhookService = {
    list: async () => ['whk_3', 'whk_1', 'whk_2'].map((id) => ({ ...aWebhook, id })),
    get: async (id) => (id === 'whk_1' ? aWebhook : undefined),
    create: async () => ({ webhook: aWebhook, ...secret }),
    update: async () => aWebhook,
    remove: async (id) => {
      if (id !== 'whk_1') throw new CodeBuddyError('webhook_not_found', `Webhook "${id}" not found.`);
    },
    test: async () => aDelivery,
    rotateSecret: async () => ({ ...secret, previousValidUntil: at }),
    replay: async () => ({ queued: 3, skipped: 1 }),
    enable: async () => ({ webhook: aWebhook, queued: 2 }),
    listDeliveries: async ({ after }) =>
      after === undefined ? { items: [aDelivery], next: 'dlv_1' } : { items: [] },
    getDelivery: async (id) =>
      id === 'dlv_1'
        ? {
            ...aDelivery,
            explanation: { summary: 'It failed.', nextStep: 'Retry it.', curl: 'curl -H signature' },
          }
        : undefined,
    retry: async () => aDelivery,
    getRequest: async (id, attempt = 2) => (id === 'dlv_1' ? { ...aRequest, attempt } : undefined),
    retryFailed: async () => ({ queued: 4 }),
    countFailed: async () => ({ matching: 4 }),
    clearHistory: async () => ({ deleted: 4 }),
    day: async () => ({ since: at, isComplete: true, read: 0, webhooks: [] }),
    createForRun: async () => ({ id: 'whk_run' }),
    dropForRun: async () => undefined,
    stats: async () => someStats,
    ...answers,
  };
  const noted = Object.entries(plain).map(([name, method]) => [
    name,
    (...args: never[]) => {
      calls.push([name, ...args]);
      return (method as (...all: never[]) => unknown)(...args);
    },
  ]);
  return { service: Object.fromEntries(noted) as WebhookService, calls };
}
