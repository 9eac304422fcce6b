// The webhook engine, as the REST server takes it. The nouns are in `contract/`.

import type {
  Delivery,
  DeliveryRequest,
  ExplainedDelivery,
  HistoryQuery,
  Matching,
  Queued,
  RetryFilter,
} from '../contract/delivery.ts';
import type { Page } from '../contract/page.ts';
import type { RotatedSecret, Webhook, WebhookSecret } from '../contract/webhook.ts';
import type {
  EnabledWebhook,
  EnableOptions,
  Replayed,
  ReplaySelection,
} from '../contract/webhook-actions.ts';
import type { WebhookDay } from '../contract/webhook-figures.ts';
import type { RunWebhook, WebhookInput, WebhookPatch } from '../contract/webhook-input.ts';
import type { WebhookStats } from '../contract/webhook-stats.ts';

export interface WebhookService {
  list(): Promise<readonly Webhook[]>;
  /** The webhooks whose deliveries this node sends, for metrics. @default list */
  listOwn?(): Promise<readonly Webhook[]>;
  get(id: string): Promise<Webhook | undefined>;
  /** @throws CodeBuddyError `validation_failed` naming each field, `webhook_exists` */
  create(input: WebhookInput): Promise<
    {
      readonly webhook: Webhook;
      /** Ids of other webhooks with the same URL. */
      readonly sameUrlAs?: readonly string[];
    } & WebhookSecret
  >;
  /** @throws CodeBuddyError `webhook_not_found`, `validation_failed` */
  update(id: string, patch: WebhookPatch): Promise<Webhook>;
  /** Cancels pending deliveries. @throws CodeBuddyError `webhook_not_found` */
  remove(id: string): Promise<void>;
  /**
   * Queues a `webhook.test` event for this webhook only.
   * @throws CodeBuddyError `webhook_not_found`, `webhook_disabled`, `webhook_refused`, `too_many_tests`
   */
  test(id: string): Promise<Delivery>;
  /**
   * For 24 hours, requests are also signed with the old secret.
   * @throws CodeBuddyError `webhook_not_found`, `validation_failed`
   */
  rotateSecret(id: string, secret?: string): Promise<RotatedSecret>;
  /**
   * Queues events of the log again.
   * @throws CodeBuddyError `webhook_not_found`, `validation_failed`, `replay_running`
   */
  replay(id: string, selection: ReplaySelection): Promise<Replayed>;
  /** @throws CodeBuddyError `webhook_not_found` */
  enable(id: string, options: EnableOptions): Promise<EnabledWebhook>;

  listDeliveries(query: HistoryQuery): Promise<Page<Delivery>>;
  getDelivery(id: string): Promise<ExplainedDelivery | undefined>;
  /** The request of an attempt, by default of the last one. @throws CodeBuddyError `validation_failed` */
  getRequest(id: string, attempt?: number): Promise<DeliveryRequest | undefined>;
  /** @throws CodeBuddyError `delivery_not_found`, `delivery_pending`, `webhook_not_found` */
  retry(id: string): Promise<Delivery>;
  /** Queues failed deliveries again. */
  retryFailed(filter: RetryFilter): Promise<Queued>;
  /** How many deliveries `retryFailed` would queue. */
  countFailed(filter: RetryFilter): Promise<Matching>;
  /** How the deliveries of each webhook went in the last 24 hours. */
  day(): Promise<WebhookDay>;
  /** Deletes deliveries that have ended. */
  clearHistory(filter: { readonly webhookId?: string }): Promise<{ readonly deleted: number }>;

  /** Creates a webhook for one run, before the run starts. It is removed when the run and its deliveries have ended. */
  createForRun(runId: string, input: RunWebhook): Promise<{ readonly id: string }>;
  /** Removes the webhook of a run that did not start. */
  dropForRun(runId: string): Promise<void>;
  stats(): Promise<WebhookStats>;
  /** File names of copies of webhooks.json that could not be used. */
  setAside?(): readonly string[];
}
