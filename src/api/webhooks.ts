// The entry point `codebuddy-api/webhooks`: signed, durable webhooks for a host application, with or without the REST
// server. Exports the manager, one shared manager per process, signature verification for receivers, and the types.

import type { EventDataByType } from '../contract/event-catalogue.ts';
import type { EventType } from '../contract/event-types.ts';
import { sameSettings } from './same-settings.ts';
import { type Emitted, WebhookManager } from './webhook-manager.ts';
import type { WebhookManagerOptions } from './webhook-options.ts';
import type { AnyEventType } from './webhook-types.ts';

export { CodeBuddyError } from '../base/errors.ts';
export type { Delivery as DeliveryView, DeliveryAttempt, HistoryQuery } from '../contract/delivery.ts';
export type { LoggedEvent } from '../contract/event.ts';
export type { Webhook as WebhookView, WebhookSecret as NewSecret } from '../contract/webhook.ts';
export type { ReplayRange } from '../contract/webhook-actions.ts';
export type { WebhookInput } from '../contract/webhook-input.ts';
export type { WebhookStats } from '../contract/webhook-stats.ts';
export { StoreOpenError } from '../store/store-open-error.ts';
export type { VerifyWebhookOptions, WebhookHeaders } from '../webhooks/verify.ts';
export { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
export { type Emitted, type EventInput, WebhookManager } from './webhook-manager.ts';
export type { WebhookManagerOptions } from './webhook-options.ts';
export type {
  AnyEventType,
  WebhookConfig,
  WebhookDelivery,
  WebhookEvent,
  WebhookEventType,
  WebhookPayload,
} from './webhook-types.ts';

let shared: WebhookManager | undefined;
let sharedOptions: WebhookManagerOptions | string | undefined;

/**
 * Returns the shared manager of this process. Creates it on the first call with `options`, and again with the same
 * options after `close()`.
 *
 * @throws TypeError if a shared manager with other options exists
 * @example
 * const webhooks = getWebhookManager({ home: './state' });
 */
export function getWebhookManager(options?: WebhookManagerOptions | string): WebhookManager {
  if (shared !== undefined && !shared.closed) {
    if (options !== undefined && !sameSettings(options, sharedOptions ?? {}))
      throw new TypeError(
        'getWebhookManager: a shared manager with other options exists; close() it first, or use new WebhookManager(options)',
      );
    return shared;
  }
  // Without options, a new manager keeps the folder of the previous one.
  if (options !== undefined) sharedOptions = options;
  shared = new WebhookManager(sharedOptions);
  return shared;
}

/**
 * Emits an event with the shared manager, without waiting for the disk. Never rejects; see `WebhookManager.emitSafely`.
 *
 * @returns the committed event, or undefined if it could not be committed
 * @example
 * emitWebhook('tool.start', { callId: 'call_1', tool: 'bash', params: {} });
 */
export function emitWebhook<T extends EventType>(
  event: T,
  data: EventDataByType[NoInfer<T>],
  sessionId?: string,
): Promise<Emitted | undefined>;
export function emitWebhook(
  event: AnyEventType,
  data: object,
  sessionId?: string,
): Promise<Emitted | undefined>;
export function emitWebhook(
  event: AnyEventType,
  data: object,
  sessionId?: string,
): Promise<Emitted | undefined> {
  return getWebhookManager().emitSafely(event, data, sessionId);
}
