// The names of the library's types, those of the first version among them: where a name of the first version has another shape now, the shape is
// ours (docs/migrating.md lists the differences).

import type { Delivery } from '../contract/delivery.ts';
import type { EventEnvelope } from '../contract/event.ts';
import type { EventData, EventType } from '../contract/event-catalogue.ts';
import type { WebhookInput } from '../contract/webhook-input.ts';

/** A type of the catalogue. `tool.*` and `*` are patterns, not types. */
export type WebhookEventType = EventType;

/** The first version's other name for it. */
export type WebhookEvent = EventType;

/** A type of the catalogue, or one of the host's own `eventTypes`. */
export type AnyEventType = EventType | (string & {});

/** A webhook's configuration. `register` takes it without `id`; what `get` returns fits it, without the secret. */
export interface WebhookConfig extends WebhookInput {
  readonly id: string;
  readonly name: string;
  readonly events: readonly string[];
  readonly enabled: boolean;
}

/** The body of a request, as a receiver parses it. Over 256 KiB, `data` is `{truncated: true, href}`. */
export interface WebhookPayload<T extends string = string>
  extends Pick<EventEnvelope, 'id' | 'timestamp' | 'sessionId' | 'sequence'> {
  readonly type: T;
  /** Repeats `type`, for receivers of the first version. */
  readonly event: T;
  readonly data: T extends EventType ? EventData<T> : Readonly<Record<string, unknown>>;
}

/** One event on its way to one webhook. */
export type WebhookDelivery = Delivery;
