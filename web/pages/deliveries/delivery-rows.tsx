// Rows of deliveries. A row links to its delivery.

import type { Delivery } from '../../../src/client/web.ts';
import { hrefOf } from '../../app/router.ts';
import { plural } from '../../parts/format.ts';
import { shortId } from '../../parts/id.tsx';
import { Time } from '../../parts/time.tsx';
import { DeliveryState } from './delivery-state.tsx';

export function DeliveryRow({
  delivery,
  webhookName,
}: {
  readonly delivery: Delivery;
  /** Undefined if the page is about one webhook. */
  readonly webhookName?: string | undefined;
}) {
  const { id, event, attemptLog, createdAt } = delivery;
  return (
    <a class="delivery-row" href={hrefOf(['deliveries', id])}>
      <span class="delivery-state">
        <DeliveryState delivery={delivery} />
      </span>
      <span class="event-type cut grow">{event}</span>
      {webhookName !== undefined && <span class="cut delivery-webhook">{webhookName}</span>}
      <span class="quiet number delivery-attempts">{plural(attemptLog.length, 'attempt')}</span>
      <span class="quiet number delivery-time">
        <Time at={createdAt} />
      </span>
    </a>
  );
}

/** A short list, without a filter. */
export function DeliveryRows({ deliveries }: { readonly deliveries: readonly Delivery[] }) {
  return (
    <ul class="rows">
      {deliveries.map((delivery) => (
        <li key={delivery.id}>
          <DeliveryRow delivery={delivery} />
        </li>
      ))}
    </ul>
  );
}

/** The name of a webhook, or its short id if it was removed. */
export function webhookNameOf(id: string, names: ReadonlyMap<string, string>): string {
  return names.get(id) ?? shortId(id);
}
