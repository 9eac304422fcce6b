// `client.webhooks`.

import type { Answer, Body, CreatedWebhook, Delivery, Query, Webhook, WebhookPatch } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** Webhooks: URLs that receive events. */
export class Webhooks extends Resource {
  /** Lists webhooks and their status, oldest first. */
  list(query?: Query<'listWebhooks'>, options?: CallOptions): PageList<Answer<'listWebhooks', 200>, Webhook> {
    return this.calls.list('/api/webhooks', options, query, ({ webhooks }) => webhooks);
  }

  /**
   * Gets how the deliveries of each webhook went in the last 24 hours.
   *
   * @example
   * const { webhooks } = await client.webhooks.figures();
   */
  figures(options?: CallOptions): Promise<Answer<'getWebhookFigures', 200>> {
    return this.calls.get('/api/webhook-figures', options);
  }

  /** Gets a webhook and its status. @throws CodeBuddyApiError `webhook_not_found` */
  get(id: string, options?: CallOptions): Promise<Webhook> {
    return this.calls.get(pathOf('webhooks', id), options);
  }

  /**
   * Creates a webhook. `secret` and `signingSecret` are shown only once.
   *
   * @throws CodeBuddyApiError `validation_failed`, `webhook_exists`
   * @example
   * const { id, signingSecret } = await client.webhooks.create({ url: 'https://example.org/hook', events: ['run.*'] });
   */
  create(body: Body<'createWebhook'>, options?: CallOptions): Promise<CreatedWebhook> {
    return this.calls.send('POST', '/api/webhooks', body, options);
  }

  /**
   * Updates a webhook. Missing fields stay unchanged.
   *
   * @throws CodeBuddyApiError `webhook_not_found`, `validation_failed`
   * @example
   * await client.webhooks.update(id, { enabled: false });
   */
  update(id: string, body: WebhookPatch, options?: CallOptions): Promise<Webhook> {
    return this.calls.send('PATCH', pathOf('webhooks', id), body, options);
  }

  /** Deletes a webhook. Its pending deliveries are cancelled. @throws CodeBuddyApiError `webhook_not_found` */
  remove(id: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('webhooks', id), undefined, options);
  }

  /**
   * Sends a `webhook.test` event. Follow the delivery with `deliveries.get`.
   *
   * @throws CodeBuddyApiError `webhook_not_found`, `webhook_disabled`, `too_many_tests`
   * @example
   * const { id } = await client.webhooks.test(webhookId);
   * const { explanation } = await client.deliveries.get(id);
   */
  test(id: string, options?: CallOptions): Promise<Delivery> {
    return this.calls.send('POST', pathOf('webhooks', id, '/test'), undefined, options);
  }

  /**
   * Rotates the secret. The new one is shown only once; the old one also signs for 24 h.
   *
   * @throws CodeBuddyApiError `webhook_not_found`, `validation_failed`
   * @example
   * const { signingSecret, previousValidUntil } = await client.webhooks.rotateSecret(id);
   */
  rotateSecret(
    id: string,
    body: Body<'rotateWebhookSecret'> = {},
    options?: CallOptions,
  ): Promise<Answer<'rotateWebhookSecret', 200>> {
    return this.calls.send('POST', pathOf('webhooks', id, '/rotate-secret'), body, options);
  }

  /**
   * Queues events of the log. `after` and `before` are sequence numbers or RFC 3339 times.
   *
   * @throws CodeBuddyApiError `webhook_not_found`, `replay_running`
   * @example
   * const { queued } = await client.webhooks.replay(id, { after: '2026-01-31T00:00:00Z' });
   */
  replay(
    id: string,
    body: Body<'replayToWebhook'>,
    options?: CallOptions,
  ): Promise<Answer<'replayToWebhook', 202>> {
    return this.calls.send('POST', pathOf('webhooks', id, '/replay'), body, options);
  }

  /**
   * Enables a disabled webhook, optionally with the events that it missed.
   *
   * @throws CodeBuddyApiError `webhook_not_found`, `replay_running`
   * @example
   * const { queued } = await client.webhooks.enable(id, { replayMissed: true });
   */
  enable(
    id: string,
    body: Body<'enableWebhook'> = {},
    options?: CallOptions,
  ): Promise<Answer<'enableWebhook', 200>> {
    return this.calls.send('POST', pathOf('webhooks', id, '/enable'), body, options);
  }
}
