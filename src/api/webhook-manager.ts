// The webhook manager of a host application: create webhooks, emit events, inspect deliveries. On its first call it
// opens a store and an event log in the config folder. It uses the same engine as the server.
//
// Over 400 lines: half of them document the methods for hosts, which only pass the call on.

import { CodeBuddyError } from '../base/errors.ts';
import type { Delivery, HistoryQuery } from '../contract/delivery.ts';
import type { LoggedEvent } from '../contract/event.ts';
import { deltas, type EventDataByType } from '../contract/event-catalogue.ts';
import { type EventType, eventTypes as knownTypes } from '../contract/event-types.ts';
import type { RotatedSecret, Webhook } from '../contract/webhook.ts';
import type { EnabledWebhook, Replayed, ReplaySelection } from '../contract/webhook-actions.ts';
import type { WebhookInput } from '../contract/webhook-input.ts';
import type { WebhookStats } from '../contract/webhook-stats.ts';
import type { NewEvent } from '../events/event-log.ts';
import type { WebhookEngine } from '../webhooks/engine.ts';
import { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
import type { OpenedWebhooks } from './open-webhooks.ts';
import { checkEventTypes, checkId, homeOfConfigPath } from './webhook-arguments.ts';
import { createWebhookLosses } from './webhook-losses.ts';
import type { WebhookManagerOptions } from './webhook-options.ts';
import type { AnyEventType } from './webhook-types.ts';

/** An event that `emit` has committed. */
export interface Emitted {
  readonly event: LoggedEvent;
  /** Ids of its deliveries, to pass to `settled()`. */
  readonly deliveries: readonly string[];
}

/** The argument of `emitEvent`. */
export interface EventInput {
  readonly type: AnyEventType;
  readonly data: object;
  readonly sessionId?: string;
  readonly runId?: string;
  /**
   * The number of webhook requests that led to this event: the `X-CodeBuddy-Hop` of the request that caused it.
   * @default 0
   */
  readonly hop?: number;
}

/**
 * Signed, durable webhooks. One manager at a time may use a config folder. Every method but the static ones opens the
 * folder on the first call and throws StoreOpenError if another process uses it, and TypeError after `close()`.
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

  /**
   * Verifies a first-version signature (`X-Webhook-Signature`) in constant time. Returns false for malformed input.
   *
   * @example
   * const isValid = WebhookManager.verifySignature(rawBody, request.headers['x-webhook-signature'], secret);
   */
  static verifySignature(payload: string | Uint8Array, signature: unknown, secret: unknown): boolean {
    return verifySignature(payload, signature, secret);
  }

  /**
   * Verifies a Standard Webhooks request. Same as the function `verifyWebhook`.
   *
   * @example
   * const isValid = WebhookManager.verifyWebhook(rawBody, request.headers, secret);
   */
  static verifyWebhook(...request: Parameters<typeof verifyWebhook>): boolean {
    return verifyWebhook(...request);
  }

  /**
   * @param options the options, or, as in the first version, the path of `webhooks.json`
   * @throws TypeError for invalid options
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
   * Creates a webhook and returns its id. Without a `secret`, its requests are not signed.
   *
   * @throws CodeBuddyError `validation_failed` with each invalid field, `webhook_exists`
   * @example
   * const id = await webhooks.register({ url: 'https://example.org/hook', events: ['run.*'], secret: 'whsec_…' });
   */
  async register(webhook: WebhookInput): Promise<string> {
    return (await (await this.engine()).create(webhook)).webhook.id;
  }

  /**
   * Updates a webhook. Missing fields stay unchanged; `secret: null` removes the secret.
   *
   * @throws CodeBuddyError `webhook_not_found`, `validation_failed`
   * @example
   * await webhooks.update(id, { enabled: false });
   */
  async update(id: string, patch: Partial<WebhookInput>): Promise<Webhook> {
    checkId('update', id);
    return (await this.engine()).update(id, patch);
  }

  /** Deletes a webhook. Its pending deliveries are cancelled. @throws CodeBuddyError `webhook_not_found` */
  async remove(id: string): Promise<void> {
    checkId('remove', id);
    await (await this.engine()).remove(id);
  }

  /** Gets a webhook; undefined if there is none with this id. */
  async get(id: string): Promise<Webhook | undefined> {
    checkId('get', id);
    return (await this.engine()).get(id);
  }

  /** Lists all webhooks. */
  async getAll(): Promise<Webhook[]> {
    return [...(await (await this.engine()).list())];
  }

  /** Lists the enabled webhooks that receive events of this type. */
  async getForEvent(event: AnyEventType): Promise<Webhook[]> {
    const engine = await this.engine();
    const views = await Promise.all(engine.forEvent(event).map((id) => engine.get(id)));
    return views.filter((view) => view !== undefined);
  }

  /**
   * Emits an event. Resolves when the event and one delivery per subscribed webhook are on the disk; after that,
   * neither a crash nor a power failure loses them. Await it, or use `emitSafely`.
   *
   * @throws CodeBuddyError `validation_failed` (unknown type, data that JSON cannot represent, or, with `strict`, data
   * that does not match its schema), `storage_full`, `storage_unavailable`
   * @example
   * const { deliveries } = await webhooks.emit('tool.start', { callId: 'call_1', tool: 'bash', params: {} });
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

  /**
   * Emits an event with all its fields. See `emit`.
   *
   * @example
   * await webhooks.emitEvent({ type: 'deploy.finished', data: { version: '2.0' }, runId: 'run_…' });
   */
  async emitEvent(event: EventInput): Promise<Emitted> {
    // The log checks type and data.
    const checked: unknown = event;
    return (await this.engine()).emit(checked as NewEvent);
  }

  /**
   * Emits an event without waiting for the disk. Never rejects: if the event cannot be committed, `warn` is called (by
   * default, the process emits a warning), and the history of each subscribed webhook shows a failed delivery.
   *
   * @returns the committed event, or undefined if it could not be committed
   * @example
   * void webhooks.emitSafely('tool.start', { callId: 'call_1', tool: 'bash', params: {} });
   */
  async emitSafely(event: AnyEventType, data: object, sessionId?: string): Promise<Emitted | undefined> {
    try {
      return await this.emit(event, data, sessionId);
    } catch (error) {
      await this.lose(String(event), error);
      return undefined;
    }
  }

  /**
   * Gets an event with its complete data, even if the payload was truncated. Undefined if there is none, or it was
   * pruned.
   */
  async getEvent(id: string): Promise<LoggedEvent | undefined> {
    checkId('getEvent', id);
    return (await this.open()).log.get(id);
  }

  /**
   * Resolves when all these deliveries have ended, successfully or not.
   *
   * @throws CodeBuddyError `delivery_not_found`, `shutting_down`
   * @example
   * const ended = await webhooks.settled(deliveries);
   */
  async settled(deliveries: readonly string[]): Promise<readonly Delivery[]> {
    return (await this.engine()).settled(deliveries);
  }

  /**
   * Lists deliveries, newest first.
   *
   * @param filter a filter, or the id of a webhook. @default the 50 newest of all webhooks
   * @example
   * const failed = await webhooks.getHistory({ webhookId: id, status: 'failed', limit: 10 });
   */
  async getHistory(filter: string | Partial<HistoryQuery> = {}): Promise<Delivery[]> {
    const query = { limit: 50, ...(typeof filter === 'string' ? { webhookId: filter } : filter) };
    const { items } = await (await this.engine()).listDeliveries(query);
    if (query.after !== undefined) return [...items];
    const all = [...this.losses.list(query), ...items];
    return all.sort((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, query.limit);
  }

  /**
   * Lists failed deliveries, newest first.
   *
   * @param filter a filter, or the id of a webhook. @default the 50 newest of all webhooks
   */
  async getFailedDeliveries(
    filter: string | Omit<Partial<HistoryQuery>, 'status'> = {},
  ): Promise<Delivery[]> {
    return this.getHistory({
      ...(typeof filter === 'string' ? { webhookId: filter } : filter),
      status: 'failed',
    });
  }

  /**
   * Retries a delivery at once: one that has ended, or one that waits for its next attempt.
   *
   * @throws CodeBuddyError `delivery_not_found`, `delivery_pending`, `webhook_not_found`
   */
  async retry(deliveryId: string): Promise<Delivery> {
    checkId('retry', deliveryId);
    if (this.losses.list({}).some(({ id }) => id === deliveryId))
      throw new CodeBuddyError(
        'delivery_not_found',
        'The event of this delivery was never committed. Emit it again.',
      );
    return (await this.engine()).retry(deliveryId);
  }

  /**
   * Retries all failed deliveries that match the filter.
   *
   * @param filter `since` is an RFC 3339 time. @default all failed deliveries
   * @example
   * const { queued } = await webhooks.retryFailed({ webhookId: id });
   */
  async retryFailed(
    filter: { readonly webhookId?: string; readonly event?: EventType; readonly since?: string } = {},
  ): Promise<{ readonly queued: number }> {
    return (await this.engine()).retryFailed(filter);
  }

  /**
   * Counts the failed deliveries that match the filter: those that `retryFailed` would queue.
   *
   * @param filter `since` is an RFC 3339 time. @default all failed deliveries
   * @example
   * const { matching } = await webhooks.countFailed({ webhookId: id });
   */
  async countFailed(
    filter: { readonly webhookId?: string; readonly event?: EventType; readonly since?: string } = {},
  ): Promise<{ readonly matching: number }> {
    return (await this.engine()).countFailed(filter);
  }

  /** Deletes ended deliveries, of one webhook or of all. Pending ones are kept. */
  async clearHistory(filter: { readonly webhookId?: string } = {}): Promise<{ readonly deleted: number }> {
    const { deleted } = await (await this.engine()).clearHistory(filter);
    return { deleted: deleted + this.losses.clear(filter.webhookId) };
  }

  /**
   * Sends a `webhook.test` event to one webhook.
   *
   * @throws CodeBuddyError `webhook_not_found`, `webhook_disabled`, `webhook_refused`, `too_many_tests`
   * @example
   * const { id: deliveryId } = await webhooks.test(id);
   * const [delivery] = await webhooks.settled([deliveryId]);
   */
  async test(id: string): Promise<Delivery> {
    checkId('test', id);
    return (await this.engine()).test(id);
  }

  /**
   * Rotates the secret. The new one is shown only once; the old one also signs for 24 h.
   *
   * @param secret the new secret. @default a generated one
   * @throws CodeBuddyError `webhook_not_found`, `validation_failed`
   * @example
   * const { signingSecret, previousValidUntil } = await webhooks.rotateSecret(id);
   */
  async rotateSecret(id: string, secret?: string): Promise<RotatedSecret> {
    return (await this.engine()).rotateSecret(id, secret);
  }

  /**
   * Queues events of the log with their original ids. Events that are already pending are skipped.
   *
   * @throws CodeBuddyError `webhook_not_found`, `validation_failed`, `replay_running`
   * @example
   * const { queued, skipped } = await webhooks.replay(id, { after: '2026-01-31T00:00:00Z', events: ['run.*'] });
   */
  async replay(id: string, range: ReplaySelection): Promise<Replayed> {
    return (await this.engine()).replay(id, range);
  }

  /**
   * Enables a disabled webhook. With `replayMissed`, it first gets the events that it missed.
   *
   * @throws CodeBuddyError `webhook_not_found`, `replay_running`
   * @example
   * const { queued } = await webhooks.enable(id, { replayMissed: true });
   */
  async enable(id: string, options: { readonly replayMissed?: boolean } = {}): Promise<EnabledWebhook> {
    return (await this.engine()).enable(id, options);
  }

  /** Gets the counters since the start. Cheaper than `stats()`, which also reads the store. */
  async counters(): Promise<Pick<WebhookStats, 'emitted' | 'delivered' | 'failed' | 'retried'>> {
    return (await this.engine()).counters();
  }

  /** Gets counters, current numbers and latencies. Ages in ms, latencies in seconds. */
  async stats(): Promise<WebhookStats> {
    return (await this.engine()).stats();
  }

  /**
   * Waits up to 15 s for requests in flight, then closes. The next manager sends the other deliveries. May be called
   * twice.
   */
  async close(): Promise<void> {
    this.isClosed = true;
    const opened = await this.opened?.catch(() => undefined);
    await opened?.close();
  }

  /** Removed since the first version. @throws TypeError always */
  formatWebhooks(): never {
    throw new TypeError('formatWebhooks was removed; format the result of await webhooks.getAll() instead');
  }

  private async engine(): Promise<WebhookEngine> {
    return (await this.open()).engine;
  }

  private async open(): Promise<OpenedWebhooks> {
    if (this.isClosed) throw new TypeError('The webhook manager is closed');
    this.opened ??= import('./open-webhooks.ts').then(({ openWebhooks }) =>
      openWebhooks(this.options, (message, error) => this.warn(message, error)),
    );
    const opened = this.opened;
    try {
      return await opened;
    } catch (error) {
      // The next call tries again: the other process may have closed the database.
      if (this.opened === opened) this.opened = undefined;
      throw error;
    }
  }

  private async lose(event: string, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    this.warn(`Lost the event ${event}: ${reason}`, error);
    const opened = await this.opened?.catch(() => undefined);
    this.losses.add(event, this.isClosed ? [] : (opened?.engine.forEvent(event) ?? []), reason);
  }

  /** Errors of the host application's `warn` must not crash it. */
  private warn(message: string, error: unknown): void {
    const { warn } = this.options;
    try {
      if (warn === undefined) {
        process.emitWarning(message, { code: 'CODEBUDDY_WEBHOOKS' });
        return;
      }
      const returned: unknown = warn(message, error);
      Promise.resolve(returned).catch(() => undefined);
    } catch {
      // It cannot be reported otherwise.
    }
  }
}

function toInput(type: AnyEventType, data: object, sessionId: string | undefined): EventInput {
  return { type, data, ...(sessionId === undefined ? {} : { sessionId }) };
}
