// The public types of webhooks, including the type names of the first version. Types whose shape has changed are listed
// in docs/migrating.md.

import type { Delivery } from '../contract/delivery.ts';
import type { EventEnvelope } from '../contract/event.ts';
import type { EventData } from '../contract/event-catalogue.ts';
import type { EventType } from '../contract/event-types.ts';
import type { WebhookInput } from '../contract/webhook-input.ts';

/** An event type of the catalogue. `tool.*` and `*` are patterns, not types. */
export type WebhookEventType = EventType;

/** The same type under its other name of the first version. */
export type WebhookEvent = EventType;

/** An event type of the catalogue, or one of your own `eventTypes`. */
export type AnyEventType = EventType | (string & {});

/** The configuration of a webhook. `register` takes it without `id`; `get` returns it without the secret. */
export interface WebhookConfig extends WebhookInput {
  readonly id: string;
  readonly name: string;
  readonly events: readonly string[];
  readonly enabled: boolean;
}

/** The body of a webhook request. If it would exceed 256 KiB, `data` is `{truncated: true, href}`. */
export interface WebhookPayload<T extends string = string>
  extends Pick<EventEnvelope, 'id' | 'timestamp' | 'sessionId' | 'sequence'> {
  readonly type: T;
  /** Repeats `type`, for receivers of the first version. */
  readonly event: T;
  readonly data: T extends EventType ? EventData<T> : Readonly<Record<string, unknown>>;
}

/** The delivery of one event to one webhook. */
export type WebhookDelivery = Delivery;
