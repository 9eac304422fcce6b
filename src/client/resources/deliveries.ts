// `client.deliveries`.

import type { Answer, Body, Delivery, ExplainedDelivery, Query } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf, toQuery } from '../query.ts';
import { Resource } from './resource.ts';

/** Deliveries: events sent to webhooks. */
export class Deliveries extends Resource {
  /** Lists deliveries, newest first. */
  list(
    query?: Query<'listDeliveries'>,
    options?: CallOptions,
  ): PageList<Answer<'listDeliveries', 200>, Delivery> {
    return this.calls.list('/api/deliveries', options, query, ({ deliveries }) => deliveries);
  }

  /** Gets a delivery with all attempts and an explanation. @throws CodeBuddyApiError `delivery_not_found` */
  get(id: string, options?: CallOptions): Promise<ExplainedDelivery> {
    return this.calls.get(pathOf('deliveries', id), options);
  }

  /**
   * Retries a delivery with the same id and the same bytes.
   * @throws CodeBuddyApiError `delivery_not_found`, `delivery_pending`
   */
  retry(id: string, options?: CallOptions): Promise<Delivery> {
    return this.calls.send('POST', pathOf('deliveries', id, '/retry'), undefined, options);
  }

  /**
   * Retries all failed deliveries that match the filter.
   *
   * @example
   * const { queued } = await client.deliveries.retryFailed({ webhookId });
   */
  retryFailed(
    filter: Body<'retryDeliveries'> = {},
    options?: CallOptions,
  ): Promise<Answer<'retryDeliveries', 202>> {
    return this.calls.send('POST', '/api/deliveries/retry', filter, options);
  }

  /** Deletes ended deliveries. Pending ones are kept. */
  clear(query: Query<'clearDeliveries'> = {}, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', `/api/deliveries${toQuery(query)}`, undefined, options);
  }
}
