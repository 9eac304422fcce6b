// The public face of webhooks, for a host that has no REST server: make a manager, register webhooks, emit events. It opens its own store
// and log in the config folder at the first call, and is the same engine that the server runs.

import { mkdirSync } from 'node:fs';
import type { EventDataByType, EventType } from '../events/catalogue.ts';
import type { LoggedEvent, NewEvent } from '../events/event-log.ts';
import { startIdsAfter } from '../events/ids.ts';
import { createEventLog } from '../events/log.ts';
import { apiFolder, databaseIn, defaultHome, oldFile, webhooksFile } from '../home-paths.ts';
import { moveDatabase } from '../store/sqlite/move-database.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import {
  type HistoryQuery,
  type NewSecret,
  openWebhookEngine,
  type WebhookEngine,
  type WebhookEngineOptions,
  type WebhookStats,
} from '../webhooks/engine.ts';
import type { ReplayRange } from '../webhooks/replay.ts';
import { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
import type { WebhookInput } from '../webhooks/webhook-config.ts';
import type { DeliveryView, WebhookView } from '../webhooks/webhook-view.ts';

export { CodeBuddyError } from '../errors.ts';
export { StoreOpenError } from '../store/store-open-error.ts';
export type { HistoryQuery, NewSecret, WebhookStats } from '../webhooks/engine.ts';
export type { ReplayRange } from '../webhooks/replay.ts';
export type { VerifyWebhookOptions, WebhookHeaders } from '../webhooks/verify.ts';
export { verifySignature, verifyWebhook } from '../webhooks/verify.ts';
export type { WebhookInput } from '../webhooks/webhook-config.ts';
export type { DeliveryAttempt, DeliveryView, WebhookView } from '../webhooks/webhook-view.ts';

export interface WebhookManagerOptions
  extends Pick<
    WebhookEngineOptions,
    | 'allowedTargets'
    | 'allowLoopback'
    | 'ca'
    | 'nameServers'
    | 'hostsFile'
    | 'maxInFlight'
    | 'keepDeliveries'
    | 'warn'
    | 'clock'
    | 'random'
  > {
  /** The folder of `webhooks.json`, and of `codebuddy.db` in its subfolder `api`. @default CODEBUDDY_HOME, else ~/.codebuddy */
  readonly home?: string;
}

/** What `emit` committed. */
export interface Emitted {
  readonly event: LoggedEvent;
  /** Ids of the deliveries that were made for it: pass them to `settled()`. */
  readonly deliveries: readonly string[];
}

interface Opened {
  readonly engine: WebhookEngine;
  readonly close: () => Promise<void>;
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
  private opened: Promise<Opened> | undefined;
  private isClosed = false;

  /** Checks a first-version signature in constant time; false, never a throw, on malformed input. */
  static verifySignature(payload: string | Uint8Array, signature: unknown, secret: unknown): boolean {
    return verifySignature(payload, signature, secret);
  }

  /** Checks a Standard Webhooks request; see `verifyWebhook`. */
  static verifyWebhook(...request: Parameters<typeof verifyWebhook>): boolean {
    return verifyWebhook(...request);
  }

  constructor(options: WebhookManagerOptions = {}) {
    this.options = options;
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
  async update(id: string, patch: Partial<WebhookInput>): Promise<WebhookView> {
    return (await this.engine()).update(id, patch);
  }

  /** Removes a webhook; what was pending for it ends as `cancelled`. @throws CodeBuddyError `webhook_not_found` */
  async remove(id: string): Promise<void> {
    await (await this.engine()).remove(id);
  }

  async get(id: string): Promise<WebhookView | undefined> {
    return (await this.engine()).get(id);
  }

  async getAll(): Promise<readonly WebhookView[]> {
    return (await this.engine()).list();
  }

  /** The enabled webhooks that an event of this type goes to. */
  async getForEvent(event: EventType): Promise<readonly WebhookView[]> {
    const engine = await this.engine();
    const views = await Promise.all(engine.forEvent(event).map((id) => engine.get(id)));
    return views.filter((view) => view !== undefined);
  }

  /**
   * Resolves when the event and one delivery for each webhook that wants it are on the disk, together. After that neither a crash nor a
   * power cut loses them.
   * @throws CodeBuddyError `validation_failed` (data does not fit the event's schema), `storage_full`, `storage_unavailable`
   */
  emit<T extends EventType>(
    event: T,
    data: EventDataByType[NoInfer<T>],
    sessionId?: string,
  ): Promise<Emitted>;
  emit(event: EventType, data: unknown, sessionId?: string): Promise<Emitted> {
    return this.emitEvent(toEvent(event, data, sessionId));
  }

  /** As `emit`, for a whole event: it may name a run too. */
  async emitEvent(event: NewEvent): Promise<Emitted> {
    return (await this.engine()).emit(event);
  }

  /** Resolves when all of these deliveries have ended, however. @throws CodeBuddyError `delivery_not_found`, `shutting_down` */
  async settled(deliveries: readonly string[]): Promise<readonly DeliveryView[]> {
    return (await this.engine()).settled(deliveries);
  }

  /** Deliveries, newest first. `limit` defaults to 50. */
  async getHistory(filter: Partial<HistoryQuery> = {}): Promise<readonly DeliveryView[]> {
    return (await (await this.engine()).listDeliveries({ limit: 50, ...filter })).items;
  }

  /** Deliveries that were given up, newest first. `limit` defaults to 50. */
  async getFailedDeliveries(
    filter: Omit<Partial<HistoryQuery>, 'status'> = {},
  ): Promise<readonly DeliveryView[]> {
    return this.getHistory({ ...filter, status: 'failed' });
  }

  /** Sends a delivery again that has ended, or one that waits now instead of later. @throws CodeBuddyError `delivery_not_found`, `delivery_pending`, `webhook_not_found` */
  async retry(deliveryId: string): Promise<DeliveryView> {
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
    return (await this.engine()).clearHistory(filter);
  }

  /** Queues a `webhook.test` event for this webhook alone. @throws CodeBuddyError `webhook_not_found`, `webhook_disabled`, `too_many_tests` */
  async test(id: string): Promise<DeliveryView> {
    return (await this.engine()).test(id);
  }

  /** Gives it a new secret; the old one signs too for 24 h. Shown this once. */
  async rotateSecret(
    id: string,
    secret?: string,
  ): Promise<NewSecret & { readonly previousValidUntil: string | null }> {
    return (await this.engine()).rotateSecret(id, secret);
  }

  /** Queues events of the log again, with the ids they have; what waits already is skipped. */
  async replay(
    id: string,
    range: ReplayRange & { readonly events?: readonly string[] },
  ): Promise<{ readonly queued: number; readonly skipped: number }> {
    return (await this.engine()).replay(id, range);
  }

  /** Switches a webhook on again; with `replayMissed`, what it missed comes first. */
  async enable(
    id: string,
    options: { readonly replayMissed?: boolean } = {},
  ): Promise<{ readonly webhook: WebhookView; readonly queued: number }> {
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

  private async engine(): Promise<WebhookEngine> {
    if (this.isClosed) throw new TypeError('The webhook manager is closed');
    this.opened ??= open(this.options);
    try {
      return (await this.opened).engine;
    } catch (error) {
      // The next call tries again: another process may have let the database go.
      this.opened = undefined;
      throw error;
    }
  }
}

async function open({ home = defaultHome(), ...options }: WebhookManagerOptions): Promise<Opened> {
  mkdirSync(apiFolder(home), { recursive: true, mode: 0o700 });
  const { warn } = options;
  const path = databaseIn(home);
  const moved = moveDatabase(oldFile(home, 'codebuddy.db'), path);
  if (moved !== undefined) warn?.(moved);
  const store = await openSqliteStore({
    path,
    ...(warn === undefined ? {} : { logger: { warn: (fields, message) => warn(message, fields.err) } }),
  });
  const log = createEventLog({ store });
  try {
    startIdsAfter(await store.newestIds());
    const engine = await openWebhookEngine({
      ...options,
      store,
      log,
      registryPath: webhooksFile(home),
    });
    return {
      engine,
      async close() {
        await engine.close();
        await log.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

let shared: WebhookManager | undefined;

/** The one manager of this process; made at the first call, with its `options`. */
export function getWebhookManager(options?: WebhookManagerOptions): WebhookManager {
  shared ??= new WebhookManager(options);
  return shared;
}

/** Emits an event through the one manager of this process; see `WebhookManager.emit`. */
export function emitWebhook<T extends EventType>(
  event: T,
  data: EventDataByType[NoInfer<T>],
  sessionId?: string,
): Promise<Emitted>;
export function emitWebhook(event: EventType, data: unknown, sessionId?: string): Promise<Emitted> {
  return getWebhookManager().emitEvent(toEvent(event, data, sessionId));
}

/** A type and its data belong together by the signatures above; the log checks the data by its schema. */
function toEvent(type: EventType, data: unknown, sessionId: string | undefined): NewEvent {
  const event: unknown = { type, data, ...(sessionId === undefined ? {} : { sessionId }) };
  return event as NewEvent;
}
