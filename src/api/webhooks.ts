// The public face of webhooks, for a host that has no REST server: make a manager, register webhooks, emit events. It opens its own store
// and log in the config folder at the first call, and is the same engine that the server runs.

import { CodeBuddyError } from '../base/errors.ts';
import type { Delivery, HistoryQuery } from '../contract/delivery.ts';
import type { LoggedEvent } from '../contract/event.ts';
import {
  deltas,
  type EventDataByType,
  type EventType,
  eventTypes as knownTypes,
} from '../contract/event-catalogue.ts';
import type { RotatedSecret, Webhook } from '../contract/webhook.ts';
import type { EnabledWebhook, Replayed, ReplaySelection } from '../contract/webhook-actions.ts';
import type { WebhookInput } from '../contract/webhook-input.ts';
import type { WebhookStats } from '../contract/webhook-stats.ts';
import type { NewEvent } from '../events/event-log.ts';
import type { WebhookEngine } from '../webhooks/engine.ts';
import { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
import type { OpenedWebhooks } from './open-webhooks.ts';
import { sameSettings } from './same-settings.ts';
import { checkEventTypes, checkId, homeOfConfigPath } from './webhook-arguments.ts';
import { createWebhookLosses } from './webhook-losses.ts';
import type { WebhookManagerOptions } from './webhook-options.ts';
import type { AnyEventType } from './webhook-types.ts';

export { CodeBuddyError } from '../base/errors.ts';
export type {
  Delivery as DeliveryView,
  DeliveryAttempt,
  HistoryQuery,
} from '../contract/delivery.ts';
export type { LoggedEvent } from '../contract/event.ts';
export type { Webhook as WebhookView, WebhookSecret as NewSecret } from '../contract/webhook.ts';
export type { ReplayRange } from '../contract/webhook-actions.ts';
export type { WebhookInput } from '../contract/webhook-input.ts';
export type { WebhookStats } from '../contract/webhook-stats.ts';
export { StoreOpenError } from '../store/store-open-error.ts';
export type { VerifyWebhookOptions, WebhookHeaders } from '../webhooks/verify.ts';
export { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
export type { WebhookManagerOptions } from './webhook-options.ts';
export type {
  AnyEventType,
  WebhookConfig,
  WebhookDelivery,
  WebhookEvent,
  WebhookEventType,
  WebhookPayload,
} from './webhook-types.ts';

/** What `emit` committed. */
export interface Emitted {
  readonly event: LoggedEvent;
  /** Ids of the deliveries that were made for it: pass them to `settled()`. */
  readonly deliveries: readonly string[];
}

/** An event for `emitEvent`, of any type. */
export interface EventInput {
  readonly type: AnyEventType;
  readonly data: object;
  readonly sessionId?: string;
  readonly runId?: string;
  /** How many requests of our own webhooks led to it. @default 0 */
  readonly hop?: number;
}

/**
 * Signed, durable webhooks.
 *
 * @example
 * const webhooks = new WebhookManager({ home: './state' });
 * await webhooks.register({ url: 'https://example.org/hook', events: ['tool.*'], secret: 'whsec_…' });
 * await webhooks.emit('tool.start', { callId: 'call_1', tool: 'bash', params: {} });
 */
export class WebhookManager {
  private readonly options: WebhookManagerOptions;
  private readonly losses = createWebhookLosses();
  private opened: Promise<OpenedWebhooks> | undefined;
  private isClosed = false;

  /** Checks a first-version signature in constant time; false, never a throw, on malformed input. */
  static verifySignature(payload: string | Uint8Array, signature: unknown, secret: unknown): boolean {
    return verifySignature(payload, signature, secret);
  }

  /** Checks a Standard Webhooks request; see `verifyWebhook`. */
  static verifyWebhook(...request: Parameters<typeof verifyWebhook>): boolean {
    return verifyWebhook(...request);
  }

  /**
   * @param options or, as in the first version, the path of `webhooks.json`
   * @throws TypeError for options that make no sense
   */
  constructor(options: WebhookManagerOptions | string = {}) {
    this.options = typeof options === 'string' ? { home: homeOfConfigPath(options) } : (options ?? {});
    checkEventTypes(this.options.eventTypes, [...knownTypes, ...Object.keys(deltas)]);
  }

  /** True after `close()`. */
  get closed(): boolean {
    return this.isClosed;
  }

  /**
   * Adds a webhook and gives its id. Without a `secret` its requests are not signed.
   * @throws CodeBuddyError `validation_failed` naming each field that does not fit, `webhook_exists`
   * @throws StoreOpenError if another process holds the config folder's database
   */
  async register(webhook: WebhookInput): Promise<string> {
    return (await (await this.engine()).create(webhook)).webhook.id;
  }

  /** Changes what `patch` names; `secret: null` takes the secret away. @throws CodeBuddyError `webhook_not_found`, `validation_failed` */
  async update(id: string, patch: Partial<WebhookInput>): Promise<Webhook> {
    checkId('update', id);
    return (await this.engine()).update(id, patch);
  }

  /** Removes a webhook; what was pending for it ends as `cancelled`. @throws CodeBuddyError `webhook_not_found` */
  async remove(id: string): Promise<void> {
    checkId('remove', id);
    await (await this.engine()).remove(id);
  }

  async get(id: string): Promise<Webhook | undefined> {
    checkId('get', id);
    return (await this.engine()).get(id);
  }

  async getAll(): Promise<Webhook[]> {
    return [...(await (await this.engine()).list())];
  }

  /** The enabled webhooks that an event of this type goes to. */
  async getForEvent(event: AnyEventType): Promise<Webhook[]> {
    const engine = await this.engine();
    const views = await Promise.all(engine.forEvent(event).map((id) => engine.get(id)));
    return views.filter((view) => view !== undefined);
  }

  /**
   * Resolves when the event and one delivery for each webhook that wants it are on the disk, together. After that neither a crash nor a
   * power cut loses them. Await it, or use `emitSafely`.
   * @throws CodeBuddyError `validation_failed` (an unknown type, data that JSON cannot hold, and with `strict` data that does not fit its schema),
   * `storage_full`, `storage_unavailable`
   */
  emit<T extends EventType>(
    event: T,
    data: EventDataByType[NoInfer<T>],
    sessionId?: string,
  ): Promise<Emitted>;
  emit(event: AnyEventType, data: object, sessionId?: string): Promise<Emitted>;
  emit(event: AnyEventType, data: object, sessionId?: string): Promise<Emitted> {
    return this.emitEvent(toInput(event, data, sessionId));
  }

  /** As `emit`, for a whole event: it may name a run too. */
  async emitEvent(event: EventInput): Promise<Emitted> {
    // The log checks type and data.
    const checked: unknown = event;
    return (await this.engine()).emit(checked as NewEvent);
  }

  /**
   * As `emit`, to fire and forget: never rejects. An event that cannot be committed is told to `warn` (without one, as a warning of the process),
   * and is a failed delivery in the history of each webhook that would have got it.
   */
  async emitSafely(event: AnyEventType, data: object, sessionId?: string): Promise<Emitted | undefined> {
    try {
      return await this.emit(event, data, sessionId);
    } catch (error) {
      await this.lose(String(event), error);
      return undefined;
    }
  }

  /** An event of the log, with its whole data also where the payload was cut. Undefined if there is none, or it was pruned. */
  async getEvent(id: string): Promise<LoggedEvent | undefined> {
    checkId('getEvent', id);
    return (await this.open()).log.get(id);
  }

  /** Resolves when all of these deliveries have ended, however. @throws CodeBuddyError `delivery_not_found`, `shutting_down` */
  async settled(deliveries: readonly string[]): Promise<readonly Delivery[]> {
    return (await this.engine()).settled(deliveries);
  }

  /** Deliveries, newest first; a string is the id of a webhook. `limit` defaults to 50. */
  async getHistory(filter: string | Partial<HistoryQuery> = {}): Promise<Delivery[]> {
    const query = { limit: 50, ...(typeof filter === 'string' ? { webhookId: filter } : filter) };
    const { items } = await (await this.engine()).listDeliveries(query);
    if (query.after !== undefined) return [...items];
    const all = [...this.losses.list(query), ...items];
    return all.sort((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, query.limit);
  }

  /** Deliveries that were given up, newest first; a string is the id of a webhook. `limit` defaults to 50. */
  async getFailedDeliveries(
    filter: string | Omit<Partial<HistoryQuery>, 'status'> = {},
  ): Promise<Delivery[]> {
    return this.getHistory({
      ...(typeof filter === 'string' ? { webhookId: filter } : filter),
      status: 'failed',
    });
  }

  /** Sends a delivery again that has ended, or one that waits now instead of later. @throws CodeBuddyError `delivery_not_found`, `delivery_pending`, `webhook_not_found` */
  async retry(deliveryId: string): Promise<Delivery> {
    checkId('retry', deliveryId);
    if (this.losses.list({}).some(({ id }) => id === deliveryId))
      throw new CodeBuddyError(
        'delivery_not_found',
        'The event of this delivery was never committed; emit it again',
      );
    return (await this.engine()).retry(deliveryId);
  }

  /** Queues all failed deliveries that match again. */
  async retryFailed(
    filter: { readonly webhookId?: string; readonly event?: EventType; readonly since?: string } = {},
  ): Promise<{ readonly queued: number }> {
    return (await this.engine()).retryFailed(filter);
  }

  /** Deletes ended deliveries; pending ones stay. */
  async clearHistory(filter: { readonly webhookId?: string } = {}): Promise<{ readonly deleted: number }> {
    const { deleted } = await (await this.engine()).clearHistory(filter);
    return { deleted: deleted + this.losses.clear(filter.webhookId) };
  }

  /** Queues a `webhook.test` event for this webhook alone. @throws CodeBuddyError `webhook_not_found`, `webhook_disabled`, `webhook_refused`, `too_many_tests` */
  async test(id: string): Promise<Delivery> {
    checkId('test', id);
    return (await this.engine()).test(id);
  }

  /** Gives it a new secret; the old one signs too for 24 h. Shown this once. */
  async rotateSecret(id: string, secret?: string): Promise<RotatedSecret> {
    return (await this.engine()).rotateSecret(id, secret);
  }

  /** Queues events of the log again, with the ids they have; what waits already is skipped. */
  async replay(id: string, range: ReplaySelection): Promise<Replayed> {
    return (await this.engine()).replay(id, range);
  }

  /** Switches a webhook on again; with `replayMissed`, what it missed comes first. */
  async enable(id: string, options: { readonly replayMissed?: boolean } = {}): Promise<EnabledWebhook> {
    return (await this.engine()).enable(id, options);
  }

  /** Counters since the start; cheaper than `stats()`, which also looks for the oldest that waits. */
  async counters(): Promise<Pick<WebhookStats, 'emitted' | 'delivered' | 'failed' | 'retried'>> {
    return (await this.engine()).counters();
  }

  async stats(): Promise<WebhookStats> {
    return (await this.engine()).stats();
  }

  /** Lets requests under way end for up to 15 s; the rest is delivered by the next manager. Safe to call twice. */
  async close(): Promise<void> {
    this.isClosed = true;
    const opened = await this.opened?.catch(() => undefined);
    await opened?.close();
  }

  /** The first version's. @throws TypeError */
  formatWebhooks(): never {
    throw new TypeError('formatWebhooks is gone: write the list yourself from await webhooks.getAll()');
  }

  private async engine(): Promise<WebhookEngine> {
    return (await this.open()).engine;
  }

  private async open(): Promise<OpenedWebhooks> {
    if (this.isClosed) throw new TypeError('The webhook manager is closed');
    this.opened ??= import('./open-webhooks.ts').then(({ openWebhooks }) =>
      openWebhooks(this.options, (message, error) => this.tell(message, error)),
    );
    const opened = this.opened;
    try {
      return await opened;
    } catch (error) {
      // The next call tries again: another process may have let the database go.
      if (this.opened === opened) this.opened = undefined;
      throw error;
    }
  }

  private async lose(event: string, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    this.tell(`the event ${event} is lost: ${reason}`, error);
    const opened = await this.opened?.catch(() => undefined);
    this.losses.add(event, this.isClosed ? [] : (opened?.engine.forEvent(event) ?? []), reason);
  }

  /** What goes wrong in a host's `warn` must not end the host. */
  private tell(message: string, error: unknown): void {
    const { warn } = this.options;
    try {
      if (warn === undefined) {
        process.emitWarning(message, { code: 'CODEBUDDY_WEBHOOKS' });
        return;
      }
      const returned: unknown = warn(message, error);
      Promise.resolve(returned).catch(() => undefined);
    } catch {
      // There is nobody left to tell.
    }
  }
}

let shared: WebhookManager | undefined;
let sharedOptions: WebhookManagerOptions | string | undefined;

/**
 * The one manager of this process; made at the first call, with its `options`, and made anew after `close()`.
 * @throws TypeError if there is one with other options
 */
export function getWebhookManager(options?: WebhookManagerOptions | string): WebhookManager {
  if (shared !== undefined && !shared.closed) {
    if (options !== undefined && !sameSettings(options, sharedOptions ?? {}))
      throw new TypeError(
        'getWebhookManager: this process has a manager with other options; close() it first, or use new WebhookManager(options)',
      );
    return shared;
  }
  // One that is made anew keeps the folder of the one before.
  if (options !== undefined) sharedOptions = options;
  shared = new WebhookManager(sharedOptions);
  return shared;
}

/** Emits an event through the one manager of this process, to fire and forget: never rejects. See `WebhookManager.emitSafely`. */
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

function toInput(type: AnyEventType, data: object, sessionId: string | undefined): EventInput {
  return { type, data, ...(sessionId === undefined ? {} : { sessionId }) };
}
