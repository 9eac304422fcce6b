// The filters of the delivery list. They are in the URL.

import type { Webhook } from '../../../src/client/web.ts';
import { deliveryStatuses } from '../../../src/contract/delivery-status.ts';
import { eventTypes } from '../../../src/contract/event-types.ts';
import { setQuery } from '../../app/router.ts';
import { FilterChip } from '../../parts/filter-chip.tsx';

export interface DeliveryQuery {
  readonly status?: (typeof deliveryStatuses)[number];
  readonly webhookId?: string;
  readonly event?: string;
  readonly eventId?: string;
}

export function deliveryQueryOf(query: Readonly<Record<string, string>>): DeliveryQuery {
  const { webhookId, event, eventId } = query;
  const status = deliveryStatuses.find((one) => one === query.status);
  return {
    ...(status === undefined ? {} : { status }),
    ...(webhookId ? { webhookId } : {}),
    ...(event ? { event } : {}),
    ...(eventId ? { eventId } : {}),
  };
}

export interface FiltersProps {
  readonly query: DeliveryQuery;
  readonly webhooks: readonly Webhook[];
}

export function DeliveryFilters({ query, webhooks }: FiltersProps) {
  const { status, webhookId, event, eventId } = query;
  const isKnown = webhookId === undefined || webhooks.some(({ id }) => id === webhookId);
  return (
    <search class="row wrap" aria-label="Filters">
      <select
        aria-label="Status"
        value={status ?? ''}
        onChange={({ currentTarget }) => setQuery({ status: currentTarget.value })}
      >
        <option value="">Any status</option>
        {deliveryStatuses.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <select
        class="filter-webhook"
        aria-label="Webhook"
        value={webhookId ?? ''}
        onChange={({ currentTarget }) => setQuery({ webhookId: currentTarget.value })}
      >
        <option value="">Any webhook</option>
        {webhooks.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        {!isKnown && <option value={webhookId}>{webhookId}</option>}
      </select>
      <input
        key={event ?? ''}
        aria-label="Event type"
        placeholder="Event: run.complete"
        list="delivery-events"
        defaultValue={event ?? ''}
        spellcheck={false}
        onChange={({ currentTarget }) => setQuery({ event: currentTarget.value.trim() })}
      />
      <datalist id="delivery-events">
        {eventTypes.map((type) => (
          <option key={type} value={type} />
        ))}
      </datalist>
      {eventId !== undefined && (
        <FilterChip name="event id" value={eventId} onClear={() => setQuery({ eventId: undefined })} />
      )}
    </search>
  );
}
