// The webhook engine put together: registry, outbox, dispatcher, history. One a store. It hears of every event of the log before it is
// committed, and everything it promises is in the store, so it can stop and start at any moment.

import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { callHost } from '../base/call-host.ts';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { maskUrlsIn } from '../base/redaction.ts';
import type { Delivery, ExplainedDelivery, HistoryQuery, Queued, RetryFilter } from '../contract/delivery.ts';
import type { LoggedEvent } from '../contract/event.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import type { Page } from '../contract/page.ts';
import { unfinishedRunStatuses } from '../contract/run.ts';
import type { RotatedSecret, Webhook, WebhookSecret } from '../contract/webhook.ts';
import type {
  EnabledWebhook,
  EnableOptions,
  Replayed,
  ReplaySelection,
} from '../contract/webhook-actions.ts';
import type { RunWebhook } from '../contract/webhook-input.ts';
import type { WebhookStats } from '../contract/webhook-stats.ts';
import { expandTypes } from '../events/event-filter.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import { shownPast } from '../events/shown-time.ts';
import type {
  DeliveryChange,
  DeliveryPlace,
  DeliveryRow,
  DeliveryWithAttempts,
  RunWebhookRow,
} from '../store/delivery-store.ts';
import type { Store, Write } from '../store/store.ts';
import { checkClientTlsFiles } from './client-tls.ts';
import { createClockSkewWatch } from './clock-skew.ts';
import { createConnector } from './connector.ts';
import { createDeliveryClock, type DeliveryClockOptions } from './delivery-clock.ts';
import { createDeliveryFigures } from './delivery-figures.ts';
import { createDispatcher } from './dispatcher.ts';
import { explain } from './explain.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Lane, laneCapacity } from './lane.ts';
import { countMissed } from './missed-events.ts';
import { createNameLookup } from './name-lookup.ts';
import { createWebhookOutbox } from './outbox.ts';
import { createPayloadCache } from './payload-cache.ts';
import { openRegistry } from './registry.ts';
import { type RegistryEntry, readEntry } from './registry-entries.ts';
import { replay } from './replay.ts';
import { resumeNow } from './resume-now.ts';
import { lifetimeMs, longestWaitMs } from './retry-policy.ts';
import { setAsideFiles } from './set-aside-files.ts';
import { generateSecret, signingSecretOf } from './signing.ts';
import { checkTarget } from './target-check.ts';
import { createTransport } from './transport.ts';
import { createTurns } from './turns.ts';
import { checkUndici, loadUndici } from './undici-version.ts';
import { createUrlGuard, parseTarget } from './url-guard.ts';
import { parseWebhook, patchWebhook, toFileEntry, type WebhookConfig } from './webhook-config.ts';
import {
  afterNewTarget,
  freshMemory,
  graceOfSecretMs,
  readMemory,
  readyToProbe,
  type WebhookMemory,
} from './webhook-health.ts';
import { type ShownTimes, viewDelivery, viewWebhook } from './webhook-view.ts';

export interface WebhookEngineOptions {
  readonly store: Store;
  readonly log: EventLog;
  /** webhooks.json; undefined: webhooks are kept as long as the engine lives. */
  readonly registryPath?: string;
  /** CIDRs, addresses and host names that webhooks may go to beside public ones. @default none */
  readonly allowedTargets?: readonly string[];
  /** @default true */
  readonly allowLoopback?: boolean;
  /** Where this process listens itself: never a target. */
  readonly ownListeners?: () => readonly { readonly address: string; readonly port: number }[];
  /** PEM of further certificate authorities. */
  readonly ca?: string;
  /** The URL of an HTTP proxy that carries deliveries. @default none */
  readonly proxy?: string;
  /** Name servers, `address:port`. @default those of the system */
  readonly nameServers?: readonly string[];
  /** @default the system's */
  readonly hostsFile?: string;
  /** Where short names are looked for. @default /etc/resolv.conf */
  readonly resolvConf?: string;
  /** What a person should know. */
  readonly warn?: (message: string, error?: unknown) => void;
  readonly clock?: DeliveryClockOptions;
  /** 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** Requests under way in all. @default 128 */
  readonly maxInFlight?: number;
  /** Ended deliveries that are kept. @default 100 000 */
  readonly keepDeliveries?: number;
  /** Event types of the host, beside the catalogue's. */
  readonly ownTypes?: ReadonlySet<string>;
  /** Webhooks of single runs that may exist at the same time. @default 1000 */
  readonly maxRunWebhooks?: number;
}

export interface WebhookEngine {
  list(): Promise<readonly Webhook[]>;
  get(id: string): Promise<Webhook | undefined>;
  /** `generateSecret`: an input that names none gets one. */
  create(
    input: unknown,
    options?: { readonly generateSecret?: boolean },
  ): Promise<{ readonly webhook: Webhook; readonly sameUrlAs: readonly string[] } & WebhookSecret>;
  update(id: string, patch: unknown): Promise<Webhook>;
  remove(id: string): Promise<void>;
  test(id: string): Promise<Delivery>;
  rotateSecret(id: string, secret?: string): Promise<RotatedSecret>;
  replay(id: string, selection: ReplaySelection): Promise<Replayed>;
  enable(id: string, options: EnableOptions): Promise<EnabledWebhook>;
  /** Ids of the enabled webhooks that want an event. */
  forEvent(type: string): readonly string[];
  /** Appends an event; resolves when it and its deliveries are committed. */
  emit(event: NewEvent): Promise<{ readonly event: LoggedEvent; readonly deliveries: readonly string[] }>;
  /** Resolves when all of these deliveries have ended. */
  settled(deliveries: readonly string[]): Promise<readonly Delivery[]>;

  listDeliveries(query: HistoryQuery): Promise<Page<Delivery>>;
  getDelivery(id: string): Promise<ExplainedDelivery | undefined>;
  retry(id: string): Promise<Delivery>;
  retryFailed(filter: RetryFilter): Promise<Queued>;
  clearHistory(filter: { readonly webhookId?: string }): Promise<{ readonly deleted: number }>;

  createForRun(runId: string, input: RunWebhook): Promise<{ readonly id: string }>;
  dropForRun(runId: string): Promise<void>;
  /** Since the start. */
  counters(): Pick<WebhookStats, 'emitted' | 'delivered' | 'failed' | 'retried'>;
  stats(): Promise<WebhookStats>;
  /** Names of the copies of webhooks.json that could not be used. */
  setAside(): readonly string[];
  /** Webhooks whose entries cannot be used now, with the reason in words. */
  refused(): readonly { readonly id: string; readonly reason: string }[];
  /** Undefined while all is well; else what keeps deliveries from being sent. */
  trouble(): string | undefined;
  /** Waits up to `graceMs` (default 15 000) for requests under way, then leaves the rest to the next start. */
  close(graceMs?: number): Promise<void>;
}

const maxPreviousSecrets = 5;
const testsPerMinute = 10;
const stepSize = 500;
/** How long a retry still waits that an earlier process put off by another clock. */
const oldClockWaitMs = 60_000;
/** Of an index alone: a few milliseconds. */
const placesAtOnce = 5000;
/** The store's place for the last good webhooks.json. */
const registryState = 'registry';
/** Refused webhooks that are told one by one. */
const mostTold = 20;
const readAgainMs = 1000;
const unfinished: readonly string[] = unfinishedRunStatuses;

/** @throws Error in words if undici is too old; what the store throws */
export async function openWebhookEngine(options: WebhookEngineOptions): Promise<WebhookEngine> {
  checkUndici();
  const { store, log, registryPath, random = Math.random } = options;
  const clock = createDeliveryClock(options.clock);
  const guard = createUrlGuard({
    allowedTargets: options.allowedTargets ?? [],
    allowLoopback: options.allowLoopback ?? true,
    ownListeners: options.ownListeners ?? (() => []),
  });
  const names = createNameLookup({
    ...(options.nameServers === undefined ? {} : { servers: options.nameServers }),
    ...(options.hostsFile === undefined ? {} : { hostsFile: options.hostsFile }),
    ...(options.resolvConf === undefined ? {} : { resolvConf: options.resolvConf }),
  });
  const checks = {
    checkUrl: (url: string) => guard.check(url),
    makeId: () => makeId('whk', clock.wall()),
    ownTypes: options.ownTypes,
  };
  const turns = createTurns();

  const lanes = new Map<string, Lane>();
  let creatingForRuns = 0;
  const payloads = createPayloadCache();
  const figures = createDeliveryFigures();
  const skew = createClockSkewWatch();
  const watchers = new Map<string, Set<() => void>>();
  const retrying = new Set<string>();
  const replaying = new Set<string>();
  const tests = new Map<string, number[]>();
  const closing = new AbortController();
  let troubleNow: string | undefined;

  const states = new Map((await store.listWebhookStates()).map(({ webhookId, state }) => [webhookId, state]));
  const ended = await store.endedCounts();
  let endedTotal = ended.success + ended.failed + ended.cancelled;
  let failedInHistory = ended.failed;

  const registry = await openRegistry({
    path: registryPath,
    parse: (entry) => parseWebhook(entry, checks),
    lastGood: states.get(registryState),
    keep: (text) =>
      store.write([putState(registryState, text)]).catch((error: unknown) => {
        warn('a copy of webhooks.json could not be kept in the store', error);
      }),
    onChange: followRegistry,
    warn,
  });
  /** Deliveries of webhooks that may come back. */
  const waitingForReturn = new Map<string, WaitingForReturn>();

  const transport = createTransport({
    connect: createConnector({
      guard,
      names,
      ca: options.ca,
      proxy: options.proxy === undefined ? undefined : new URL(options.proxy),
    }),
    loadClient: loadUndici,
  });
  const dispatcher = createDispatcher({
    store,
    transport,
    payloads,
    clock,
    random,
    capacity: () => laneCapacity(lanes.size),
    ...(options.maxInFlight === undefined ? {} : { maxInFlight: options.maxInFlight }),
    hooks: {
      onRecorded,
      onAttempt(lane, { outcome }, result) {
        figures.observe(outcome, result.durationMs);
        if (result.kind !== 'answer') return;
        const seconds = skew.observe(lane.url.origin, result.headers.date, clock.wall());
        if (seconds !== undefined)
          warn(
            `clock_skew: this machine's clock is ${seconds} s off three receivers'; they may refuse our timestamps`,
          );
      },
      onHealth: (lane, change, reason) =>
        inBackground(tellHealth(lane, change, maskUrlsIn(lane.redactor.redact(reason)))),
      onTrouble(message) {
        if (message !== undefined && troubleNow === undefined)
          warn(
            `webhooks cannot be sent now, for a reason of this machine: ${message}; nothing is counted against them`,
          );
        if (message === undefined && troubleNow !== undefined) warn('webhooks are sent again');
        troubleNow = message;
      },
      isOffline: (lane) => !isLocal(lane.url) && !hasNetwork(),
      onBlocked(lane, message) {
        const name = `webhook ${lane.id} (${maskUrlsIn(lane.config.name)})`;
        if (message === undefined) warn(`${name} can be reached again`);
        else
          warn(
            `${name} cannot be reached from this machine: ${message}; it is tried again, and no attempt is spent`,
          );
      },
      onFault: (error) => warn('a delivery met a fault of ours', error),
    },
  });
  const outbox = createWebhookOutbox({
    lanes,
    payloads,
    clock,
    wake: (lane) => dispatcher.wake(lane),
    onOrphan: (webhookId, sequence) => inBackground(cancelAll(webhookId, [sequence])),
    onEvent: () => {
      figures.emitted++;
    },
  });

  for (const { id, config, refusal } of registry.all().values())
    lanes.set(id, new Lane(config, memoryOf(id), undefined, refusal));
  tellRefusals([...registry.all().values()]);
  for (const row of await store.listRunWebhooks()) {
    const lane = readRunWebhook(row);
    if (lane.refusal !== undefined) tellRefusal(lane);
    lanes.set(lane.id, lane);
    const run = await store.getRun(row.runId);
    lane.isRunEnded = run === undefined || !unfinished.includes(run.status);
    if (!lane.isRunEnded) watchRun(lane, row.runId);
  }
  const { last: lastBefore } = await log.bounds();
  const detach = log.attach(outbox);
  for (const lane of lanes.values()) if (lane.runId === undefined) settleEnabled(lane, lastBefore);
  await takeUpPending(lastBefore);
  const housekeeping = startHousekeeping({
    store,
    clock,
    lanes,
    ended: () => endedTotal,
    keep: options.keepDeliveries ?? 100_000,
    onPruned: (count) => {
      endedTotal -= count;
    },
    onExpired(lane, count) {
      lane.pending -= count;
      endedTotal += count;
      figures.failed += count;
      failedInHistory += count;
      checkWatchers();
      dropIfDone(lane);
    },
    onError: (error) => warn('old deliveries could not be pruned; trying again later', error),
  });

  /** A host's logger that fails must not stop a delivery. */
  function warn(message: string, error?: unknown): void {
    callHost(() => options.warn?.(message, error));
  }

  // ---- from one start to the next

  function memoryOf(id: string): WebhookMemory {
    const text = states.get(id);
    if (text === undefined) return freshMemory;
    try {
      return readMemory(text, clock.now());
    } catch (error) {
      warn(`what was remembered of webhook ${id} cannot be read; it starts afresh`, error);
      return freshMemory;
    }
  }

  /** One that cannot be used now must not keep the others, or the server, from starting. */
  function readRunWebhook({ webhookId, runId, config }: RunWebhookRow): Lane {
    let raw: unknown;
    try {
      raw = JSON.parse(config);
    } catch {
      // The entry is refused below, as anything else that is not an object.
    }
    const entry = readEntry(webhookId, raw, (input) => parseWebhook(input, checks), new Map());
    return new Lane(entry.config, memoryOf(webhookId), runId, entry.refusal);
  }

  /**
   * Makes enabled or disabled at the start what the file says. A webhook that is disabled there counts what it misses from now on; one that was
   * enabled there while the server was stopped is enabled.
   */
  function settleEnabled(lane: Lane, last: number): void {
    const { config, memory } = lane;
    if (!config.enabled && memory.disabledAt === null) {
      lane.remember(disabledFrom(memory, 'by_hand', last));
      inBackground(turns.take(lane.id, () => store.write([keepMemory(lane)])));
    } else if (config.enabled && memory.disabledAt !== null) {
      if (memory.disabledInFile) inBackground(turns.take(lane.id, () => enableLane(lane, false)));
      else inBackground(turns.take(lane.id, () => writeDisabled(lane)));
    }
  }

  function disabledFrom(memory: WebhookMemory, reason: string, last: number): WebhookMemory {
    return {
      ...memory,
      disabledAt: clock.now(),
      disabledReason: reason,
      missedAfter: last,
      disabledInFile: true,
    };
  }

  function tellRefusals(entries: readonly RegistryEntry[]): void {
    const refused = entries.filter(({ refusal }) => refusal !== undefined);
    for (const { id } of refused.slice(0, mostTold)) {
      const lane = lanes.get(id);
      if (lane !== undefined) tellRefusal(lane);
    }
    if (refused.length > mostTold)
      warn(`${refused.length - mostTold} more webhooks cannot be used now; their states say why`);
  }

  function tellRefusal({ id, config, refusal, runId }: Lane): void {
    const where = runId === undefined ? 'It stays in webhooks.json as it is' : `It belongs to run ${runId}`;
    warn(
      `webhook ${id} (${maskUrlsIn(config.name)}) is refused: ${maskUrlsIn(refusal ?? '')}. ${where}; its deliveries wait.`,
    );
  }

  /** What an earlier process left is due again; what it left for webhooks that are gone is cancelled. */
  async function takeUpPending(last: number): Promise<void> {
    // A clock that was set back since: due times beyond any that could have been given are of the old clock.
    const now = clock.now();
    while ((await store.pullWaiting(now + longestWaitMs, now + oldClockWaitMs, stepSize)) === stepSize);
    for (const { webhookId, count, nextAttemptAt } of await store.waitingCounts()) {
      const lane = lanes.get(webhookId);
      if (lane !== undefined) {
        lane.pending += count;
        lane.nextWaitingAt = nextAttemptAt;
      } else if (registry.isComplete) inBackground(cancelAll(webhookId, []));
      else waitForReturn(webhookId, { count, nextAttemptAt, sequences: [] });
    }
    // Those of ordered webhooks must all be known before the first is sent.
    const releases = [...lanes.values()].filter(({ config }) => config.ordered).map((lane) => lane.hold());
    inBackground(
      takeUpFresh(last).finally(() => {
        for (const release of releases) release();
        for (const lane of lanes.values()) dispatcher.wake(lane);
      }),
    );
  }

  function waitForReturn(webhookId: string, { count, nextAttemptAt, sequences }: WaitingForReturn): void {
    const before = waitingForReturn.get(webhookId);
    waitingForReturn.set(webhookId, {
      count: (before?.count ?? 0) + count,
      nextAttemptAt: before?.nextAttemptAt ?? nextAttemptAt,
      sequences: [...(before?.sequences ?? []), ...sequences],
    });
  }

  /** In steps, while the first are being sent: a million take a second. */
  async function takeUpFresh(last: number): Promise<void> {
    let after: DeliveryPlace | undefined;
    for (;;) {
      const places = await untilDone(() => store.freshPlaces(after, placesAtOnce));
      const orphans = new Map<string, number[]>();
      const touched = new Set<Lane>();
      for (const { webhookId, sequence } of places) {
        // What was committed since we listen is known already.
        if (sequence > last) continue;
        const lane = lanes.get(webhookId);
        if (lane === undefined) {
          const sequences = orphans.get(webhookId);
          if (sequences === undefined) orphans.set(webhookId, [sequence]);
          else sequences.push(sequence);
        } else {
          lane.fresh.push(sequence);
          lane.pending++;
          touched.add(lane);
        }
      }
      for (const [webhookId, sequences] of orphans) {
        if (registry.isComplete)
          await cancelAll(webhookId, sequences).catch((error: unknown) =>
            warn(
              `what is pending for webhook ${webhookId}, which was removed, could not be cancelled`,
              error,
            ),
          );
        else waitForReturn(webhookId, { count: sequences.length, nextAttemptAt: undefined, sequences });
      }
      for (const lane of touched) dispatcher.wake(lane);
      after = places.at(-1);
      if (places.length < placesAtOnce || (after?.sequence ?? 0) > last || closing.signal.aborted) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const lane of lanes.values()) {
      lane.enqueue([]);
      // A crash came between enabling it and the end of its replay.
      if (lane.isEnabled && lane.memory.missedAfter !== null)
        inBackground(turns.take(lane.id, () => deliverMissed(lane)));
      dropIfDone(lane);
    }
  }

  /** A store that fails for a while must not leave deliveries behind until the next start. */
  async function untilDone<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (closing.signal.aborted) throw error;
        warn('the store does not do what webhooks need; trying again', error);
        await sleep(readAgainMs, undefined, { ref: false });
      }
    }
  }

  // ---- what comes of attempts

  function onRecorded(lane: Lane, before: DeliveryRow, { id, status }: DeliveryChange): void {
    if (before.tries > 0) figures.retried++;
    if (status === 'pending') return;
    endedTotal++;
    if (status === 'success') figures.delivered++;
    else {
      figures.failed++;
      failedInHistory++;
    }
    const waiting = watchers.get(id);
    if (waiting !== undefined) for (const check of waiting) check();
    dropIfDone(lane);
    housekeeping.nudge();
  }

  async function tellHealth(
    lane: Lane,
    change: 'failing' | 'recovered' | 'disable' | 'gone' | 'receiver_asked',
    reason: string,
  ): Promise<void> {
    const { failures, failingSince } = lane.memory;
    // Events go to other receivers and to keys that may only read.
    const name = maskUrlsIn(lane.config.name);
    const subject = { webhookId: lane.id, name };
    const since = shownPast(failingSince ?? clock.now(), clock.wall());
    if (change === 'failing') {
      warn(`webhook ${lane.id} (${name}) has had only failures since ${since}: ${reason}`);
      await log.append([{ type: 'webhook.failing', data: { ...subject, since, failures, reason } }]);
    } else if (change === 'recovered') {
      await log.append([{ type: 'webhook.recovered', data: { ...subject, since, failures } }]);
    } else {
      await turns.take(lane.id, async () => {
        if (lane.isEnabled && lanes.get(lane.id) === lane)
          await disableByItself(lane, change === 'disable' ? 'failing' : change, reason);
      });
    }
  }

  /** Its receiver is the reason, not a person. */
  async function disableByItself(lane: Lane, reason: string, message: string): Promise<void> {
    const before = lane.memory;
    try {
      await disable(lane, reason, message, false);
    } catch (error) {
      // Not disabled after all; the next answer of its receiver tries again.
      lane.remember(before);
      outbox.forget();
      dispatcher.wake(lane);
      throw error;
    }
    if (lane.runId === undefined && lanes.has(lane.id)) await writeDisabled(lane);
  }

  /** Says in the file too that a webhook is disabled. If that fails, it stays disabled all the same. */
  async function writeDisabled(lane: Lane): Promise<void> {
    await registry.change(lane.id, (current) => withEnabled(current, lane.id, false));
    lane.remember({ ...lane.memory, disabledInFile: true });
    lane.configure({ ...lane.config, enabled: false }, lane.refusal);
    await store.write([keepMemory(lane)]);
  }

  /** From here on its events are not queued but counted. */
  async function disable(lane: Lane, reason: string, message: string, isInFile: boolean): Promise<void> {
    await forgetFromNow(lane, reason, isInFile);
    clearTimeout(lane.timer);
    const name = maskUrlsIn(lane.config.name);
    warn(`webhook ${lane.id} (${name}) is disabled: ${message}`);
    await log.append(
      [
        {
          type: 'webhook.disabled',
          data: { webhookId: lane.id, name, reason, message },
        },
      ],
      [keepMemory(lane)],
    );
  }

  /** Events are counted from this call on, not queued. If that fails, all is as it was. */
  async function forgetFromNow(lane: Lane, reason: string, isInFile: boolean): Promise<void> {
    const before = lane.memory;
    // The end of the log is read before anything else can be committed.
    const bounds = log.bounds();
    lane.remember({
      ...disabledFrom(before, reason, Number.MAX_SAFE_INTEGER),
      disabledInFile: isInFile,
    });
    outbox.forget();
    try {
      lane.remember({ ...lane.memory, missedAfter: (await bounds).last });
    } catch (error) {
      lane.remember(before);
      outbox.forget();
      throw error;
    }
  }

  /** Its events are queued again from here on; with `replayMissed`, those before come first. */
  async function enableLane(lane: Lane, replayMissed: boolean): Promise<number> {
    const { missedAfter } = lane.memory;
    if (lane.runId === undefined && registry.all().get(lane.id)?.config.enabled !== true)
      await registry.change(lane.id, (current) => withEnabled(current, lane.id, true));
    const release = lane.hold();
    try {
      lane.configure({ ...lane.config, enabled: true }, lane.refusal);
      lane.remember({
        // If it failed before, one request is tried first.
        ...afterNewTarget(lane.memory, clock.now()),
        disabledAt: null,
        disabledReason: null,
        disabledInFile: true,
        missedAfter: replayMissed ? missedAfter : null,
        failingTold: false,
      });
      lane.blocked = undefined;
      outbox.forget();
      // When this is committed, so is every event whose receivers were chosen before.
      await store.write([keepMemory(lane)]);
      // Whoever enables it says that it works again: what waits for a retry need not wait any longer.
      for (;;) {
        const sequences = await store.freshenWaiting(lane.id, stepSize);
        lane.enqueue(sequences);
        if (sequences.length < stepSize) break;
      }
      lane.nextWaitingAt = undefined;
      return await deliverMissed(lane);
    } finally {
      release();
      dispatcher.wake(lane);
    }
  }

  /** Queues what a webhook missed, before anything newer is sent. A crash in between does it again at the next start. */
  async function deliverMissed(lane: Lane): Promise<number> {
    const { missedAfter } = lane.memory;
    const release = lane.hold();
    try {
      if (missedAfter === null) return 0;
      const { queued } = await replayTo(lane, { after: missedAfter });
      if (!closing.signal.aborted) {
        lane.remember({ ...lane.memory, missedAfter: null });
        await store.write([keepMemory(lane)]);
      }
      return queued;
    } finally {
      release();
      dispatcher.wake(lane);
    }
  }

  function replayTo(
    lane: Lane,
    { events, ...range }: ReplaySelection,
  ): Promise<{ readonly queued: number; readonly skipped: number }> {
    const wanted = expandTypes(lane.config.events, options.ownTypes);
    const asked = expandTypes(events, options.ownTypes);
    const types =
      wanted === undefined
        ? asked
        : asked === undefined
          ? wanted
          : wanted.filter((type) => asked.includes(type));
    return replay({
      store,
      log,
      webhookId: lane.id,
      range,
      types,
      now: () => clock.now(),
      signal: closing.signal,
      onQueued(sequences) {
        lane.pending += sequences.length;
        lane.enqueue(sequences);
        dispatcher.wake(lane);
      },
    });
  }

  // ---- configuration

  function find(id: string): Lane {
    const lane = lanes.get(id);
    if (lane === undefined) throw noWebhook(id);
    return lane;
  }

  /** An edit by hand: what it says of each webhook, as if it had been asked for. */
  function followRegistry(): void {
    const entries = registry.all();
    for (const lane of lanes.values())
      if (lane.runId === undefined && !entries.has(lane.id))
        inBackground(turns.take(lane.id, () => followEntry(lane.id)));
    for (const id of entries.keys()) inBackground(turns.take(id, () => followEntry(id)));
  }

  /** What the file says of one webhook by now. */
  async function followEntry(id: string): Promise<void> {
    const entry = registry.all().get(id);
    const lane = lanes.get(id);
    if (lane?.runId !== undefined) return;
    if (entry === undefined) {
      if (lane !== undefined) await dropLane(lane);
    } else if (lane === undefined) {
      const added = addLane(entry);
      if (added.refusal !== undefined) tellRefusal(added);
      sayTwins(added);
      if (!entry.config.enabled) await settleMade(added);
      else if (added.memory.disabledAt !== null && added.memory.disabledInFile)
        await enableLane(added, false);
    } else await applyEntry(lane, entry);
  }

  function addLane({ id, config, refusal }: RegistryEntry): Lane {
    const lane = new Lane(config, memoryOf(id), undefined, refusal);
    const returned = waitingForReturn.get(id);
    if (returned !== undefined) {
      waitingForReturn.delete(id);
      lane.pending += returned.count;
      lane.nextWaitingAt = returned.nextAttemptAt;
      lane.enqueue(returned.sequences);
    }
    lanes.set(id, lane);
    outbox.forget();
    dispatcher.wake(lane);
    return lane;
  }

  /** A webhook that is made disabled counts what it misses from now on. */
  async function settleMade(lane: Lane): Promise<void> {
    if (lane.memory.disabledAt !== null) return;
    await forgetFromNow(lane, 'by_hand', true);
    await store.write([keepMemory(lane)]);
  }

  /** Makes what is in force what the file says. `isAsked`: a person asks for the webhook to be enabled. */
  async function applyEntry(lane: Lane, { config, refusal }: RegistryEntry, isAsked = false): Promise<void> {
    const wasEnabled = lane.isEnabled;
    const hasMoved = lane.config.url !== config.url;
    const wasRefused = lane.refusal;
    // One that was disabled by itself, which the file could not be told yet.
    const mayEnable = isAsked || lane.memory.disabledAt === null || lane.memory.disabledInFile;
    const isEnabled = config.enabled && (wasEnabled || mayEnable);
    if (isEnabled === wasEnabled && refusal === wasRefused && isDeepStrictEqual(config, lane.config)) return;
    lane.configure({ ...config, enabled: lane.config.enabled }, refusal);
    // Connections that were opened for what it was are not used for what it is.
    transport.purge();
    outbox.forget();
    if (refusal !== undefined && refusal !== wasRefused) tellRefusal(lane);
    if (refusal === undefined && wasRefused !== undefined)
      warn(`webhook ${lane.id} (${maskUrlsIn(config.name)}) can be used again; its deliveries are sent`);
    if (wasEnabled && !isEnabled) await disable(lane, 'by_hand', 'It was switched off.', true);
    if (!wasEnabled && isEnabled) await enableLane(lane, false);
    else {
      lane.configure(config, refusal);
      outbox.forget();
      if (hasMoved) await resume(lane, afterNewTarget(lane.memory, clock.now()));
      else dispatcher.wake(lane);
    }
  }

  /** What waits for this webhook is sent now: whoever asks for it says that the receiver works again. */
  function resume(lane: Lane, memory = readyToProbe(lane.memory, clock.now())): Promise<void> {
    return resumeNow({
      store,
      lane,
      memory,
      keep: () => store.write([keepMemory(lane)]),
      wake: () => dispatcher.wake(lane),
    });
  }

  /** Sends one delivery now; in an ordered webhook, what comes before it goes first. */
  async function sendNow(lane: Lane, row: DeliveryRow): Promise<void> {
    if (lane.config.ordered) await resume(lane);
    else if (row.status === 'pending') dispatcher.sendNow(lane, row);
  }

  /** The webhooks that send to the same URL; that may be meant, but is worth a word. */
  function twinsOf(lane: Lane): readonly string[] {
    if (lane.refusal !== undefined) return [];
    return [...lanes.values()]
      .filter(
        ({ id, runId, url, refusal }) =>
          id !== lane.id && runId === undefined && refusal === undefined && url.href === lane.url.href,
      )
      .map(({ id }) => id);
  }

  function sayTwins(lane: Lane): readonly string[] {
    const twins = twinsOf(lane);
    if (twins.length > 0)
      warn(
        `webhook ${lane.id} sends to the same URL as ${twins.slice(0, 5).join(', ')}; events that both want are sent there twice`,
      );
    return twins;
  }

  /** The entry with a patch over it. The URL is judged anew only if the patch changes it. */
  function patchEntry(
    entry: Pick<RegistryEntry, 'id' | 'config' | 'refusal' | 'raw'>,
    patch: unknown,
  ): WebhookConfig {
    const { id, config, refusal, raw } = entry;
    const base = refusal !== undefined && isRecord(raw) ? { ...raw, id } : { ...config };
    const isSame = (url: string): boolean => 'url' in base && base.url === url;
    return patchWebhook(base, patch, {
      ...checks,
      checkUrl: (url) => (isSame(url) ? parseTarget(url) : guard.check(url)),
    });
  }

  /** As the registry has it; of a run's webhook, as it is in force. */
  function entryOf(lane: Lane): RegistryEntry {
    const { id, config, refusal, runId } = lane;
    const entry = runId === undefined ? registry.all().get(id) : { id, config, refusal, raw: undefined };
    if (entry === undefined) throw noWebhook(id);
    return entry;
  }

  async function changeRunWebhook(lane: Lane, runId: string, patch: unknown): Promise<RegistryEntry> {
    const config = patchEntry(entryOf(lane), patch);
    await store.write([putRunWebhook(config, runId, clock.now())]);
    return { id: lane.id, config, refusal: undefined, raw: undefined };
  }

  /** Changes a webhook in its file, and gives what it is then. In its turn. */
  async function changeEntry(lane: Lane, patch: unknown): Promise<RegistryEntry> {
    if (lane.runId !== undefined) return changeRunWebhook(lane, lane.runId, patch);
    const changed = await registry.change(lane.id, (current) => {
      if (current === undefined) throw noWebhook(lane.id);
      return toFileEntry(patchEntry(current, patch));
    });
    if (changed === undefined) throw noWebhook(lane.id);
    return changed;
  }

  async function dropLane(lane: Lane): Promise<void> {
    if (lanes.get(lane.id) !== lane) return;
    lanes.delete(lane.id);
    states.delete(lane.id);
    lane.config = { ...lane.config, enabled: false };
    clearTimeout(lane.timer);
    outbox.forget();
    transport.purge();
    const writes: Write[] = [{ kind: 'deleteWebhookState', webhookId: lane.id }];
    if (lane.runId !== undefined) writes.push({ kind: 'deleteRunWebhook', webhookId: lane.id });
    const sequences = [...lane.fresh.take(lane.fresh.length), ...lane.known.values()];
    const cancel = async (): Promise<void> => {
      await store.write(writes);
      await cancelAll(lane.id, sequences);
    };
    try {
      await cancel();
    } catch (error) {
      // It is removed all the same: nothing is sent any more.
      warn(`what is pending for webhook ${lane.id}, which was removed, is cancelled later`, error);
      inBackground(untilDone(cancel));
    }
  }

  /** Ends what is pending for a webhook that is gone: for these events, and what waits for a retry. */
  async function cancelAll(webhookId: string, sequences: readonly number[]): Promise<void> {
    const end = { reason: 'webhook_removed', endedAt: clock.now() };
    let left = sequences;
    for (;;) {
      endedTotal += await store.cancelPending(webhookId, left.slice(0, stepSize), end);
      left = left.slice(stepSize);
      if (left.length === 0) left = await store.freshenWaiting(webhookId, stepSize);
      if (left.length === 0) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    checkWatchers();
  }

  /** Webhooks of single runs live as long as their deliveries, which may be days. @throws CodeBuddyError `too_many_run_webhooks` */
  function requireRoomForRun(): void {
    let count = creatingForRuns;
    for (const { runId } of lanes.values()) if (runId !== undefined) count++;
    if (count < (options.maxRunWebhooks ?? 1000)) return;
    throw new CodeBuddyError(
      'too_many_run_webhooks',
      `${count} webhooks of single runs have runs or deliveries that have not ended; remove some (DELETE /api/webhooks/ID), or try again later.`,
      { headers: { 'Retry-After': '60' } },
    );
  }

  function dropIfDone(lane: Lane): void {
    if (lane.runId !== undefined && lane.isRunEnded && lane.pending === 0 && lanes.has(lane.id))
      inBackground(dropLane(lane));
  }

  /** Waits for the end of a run whose webhook goes with it. */
  function watchRun(lane: Lane, runId: string): void {
    inBackground(
      untilDone(() => hasRunEnded(runId)).then((hasEnded) => {
        lane.isRunEnded = hasEnded;
        dropIfDone(lane);
      }),
    );
  }

  /** Resolves when the run has ended; to false if the log is closed before. */
  async function hasRunEnded(runId: string): Promise<boolean> {
    const leaving = new AbortController();
    const signal = AbortSignal.any([closing.signal, leaving.signal]);
    try {
      const items = log.subscribe({ runId, types: runEndEvents, signal });
      // It may have ended while an earlier subscription was failing. A run that is not there yet is about to start.
      const run = await store.getRun(runId);
      if (run !== undefined && !unfinished.includes(run.status)) return true;
      for await (const item of items) if (item.kind === 'event') return true;
      return false;
    } finally {
      leaving.abort();
    }
  }

  // ---- helpers

  function checkWatchers(): void {
    for (const waiting of [...watchers.values()]) for (const check of waiting) check();
  }

  function keepMemory(lane: Lane): Write {
    return putState(lane.id, JSON.stringify(lane.memory));
  }

  function times(): ShownTimes {
    return { now: clock.now(), wall: clock.wall() };
  }

  function viewOf(row: DeliveryWithAttempts): Delivery {
    return viewDelivery(row, lanes.get(row.webhookId), times());
  }

  function view(lane: Lane): Promise<Webhook> {
    return missedBy(lane).then((missed) => viewWebhook(lane, times(), missed));
  }

  async function missedBy({ id, isEnabled, memory, config }: Lane): Promise<number> {
    if (isEnabled || memory.missedAfter === null) return 0;
    return countMissed(store, {
      webhookId: id,
      after: memory.missedAfter,
      events: config.events,
      ownTypes: options.ownTypes,
    });
  }

  function inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!closing.signal.aborted) warn('a change to webhooks could not be kept', error);
    });
  }

  async function settledOne(id: string): Promise<Delivery> {
    // Our own timers let the process end; who waits for a delivery does not want that.
    const alive = setInterval(() => undefined, 3_600_000);
    try {
      return await whenSettled(id);
    } finally {
      clearInterval(alive);
    }
  }

  async function whenSettled(id: string): Promise<Delivery> {
    for (;;) {
      const changed = Promise.withResolvers<void>();
      const waiting = watchers.get(id) ?? new Set();
      watchers.set(id, waiting.add(changed.resolve));
      try {
        const row = await store.getDelivery(id);
        if (row === undefined) throw noDelivery(id);
        if (row.status !== 'pending') return viewOf(row);
        if (closing.signal.aborted)
          throw new CodeBuddyError('shutting_down', 'The webhook engine is closed.');
        await changed.promise;
      } finally {
        waiting.delete(changed.resolve);
        if (waiting.size === 0) watchers.delete(id);
      }
    }
  }

  async function requeue(rows: readonly DeliveryRow[]): Promise<void> {
    const expiresAt = clock.now() + lifetimeMs;
    await store.write(rows.map(({ id }) => ({ kind: 'requeueDelivery', id, expiresAt })));
    for (const { webhookId, status, sequence } of rows) {
      endedTotal--;
      if (status === 'failed') failedInHistory--;
      const lane = lanes.get(webhookId);
      if (lane === undefined) continue;
      lane.pending++;
      lane.enqueue([sequence]);
      dispatcher.wake(lane);
    }
  }

  function requireFreeId(id: string): void {
    if (lanes.has(id)) throw webhookExists(id);
  }

  function checkTestRate(id: string): void {
    const now = clock.wall();
    const recent = (tests.get(id) ?? []).filter((at) => at > now - 60_000 && at <= now);
    const [first] = recent;
    if (first !== undefined && recent.length >= testsPerMinute)
      throw new CodeBuddyError(
        'too_many_tests',
        `Webhook ${id} was tested ${recent.length} times within a minute.`,
        {
          headers: { 'Retry-After': String(Math.ceil((first + 60_000 - now) / 1000)) },
        },
      );
    tests.set(id, [...recent, now]);
  }

  return {
    async list() {
      return Promise.all([...lanes.values()].sort((left, right) => (left.id < right.id ? -1 : 1)).map(view));
    },
    async get(id) {
      const lane = lanes.get(id);
      return lane === undefined ? undefined : view(lane);
    },
    async create(input, { generateSecret: mayGenerate = false } = {}) {
      const wantsOne = mayGenerate && isRecord(input) && !Object.hasOwn(input, 'secret');
      const config = parseWebhook(wantsOne ? { ...input, secret: generateSecret() } : input, checks);
      requireFreeId(config.id);
      await checkTarget(config.url, guard, names);
      if (config.tls !== undefined) checkClientTlsFiles(config.tls);
      return turns.take(config.id, async () => {
        const entry = await registry.change(config.id, (current) => {
          // Only now is it sure that nobody has taken the id meanwhile, an edit of the file included.
          if (current !== undefined) throw webhookExists(config.id);
          requireFreeId(config.id);
          return toFileEntry(config);
        });
        if (entry === undefined) throw noWebhook(config.id);
        // What was remembered of an earlier webhook of this id is not for this one.
        if (states.delete(config.id))
          await store.write([{ kind: 'deleteWebhookState', webhookId: config.id }]);
        const lane = lanes.get(config.id) ?? addLane(entry);
        if (!config.enabled) await settleMade(lane);
        return { webhook: await view(lane), sameUrlAs: sayTwins(lane), ...secretsOf(config.secret) };
      });
    },
    async update(id, patch) {
      const before = entryOf(find(id));
      const wanted = patchEntry(before, patch);
      // The name is looked up before the webhook's turn: whoever changes it meanwhile does not wait for a name server.
      if (wanted.url !== before.config.url) await checkTarget(wanted.url, guard, names);
      if (wanted.tls !== undefined) checkClientTlsFiles(wanted.tls);
      return turns.take(id, async () => {
        const lane = find(id);
        const { secret, url } = lane.config;
        const entry = await changeEntry(lane, patch);
        if (entry.config.secret !== secret && lane.memory.previousSecrets.length > 0) {
          lane.remember({ ...lane.memory, previousSecrets: [], swapLegacy: false });
          await store.write([keepMemory(lane)]);
        }
        await applyEntry(lane, entry, isRecord(patch) && patch.enabled === true);
        if (entry.config.url !== url) sayTwins(lane);
        return view(lane);
      });
    },
    async remove(id) {
      find(id);
      await turns.take(id, async () => {
        const lane = find(id);
        if (lane.runId === undefined) await registry.change(id, () => undefined);
        await dropLane(lane);
      });
    },
    async test(id) {
      const lane = find(id);
      if (!lane.isEnabled)
        throw new CodeBuddyError('webhook_disabled', `Webhook ${id} is disabled; enable it first.`);
      if (lane.refusal !== undefined)
        throw new CodeBuddyError('webhook_refused', `Webhook ${id} is refused: ${maskUrlsIn(lane.refusal)}.`);
      checkTestRate(id);
      const message = 'If you read this, the webhook works.';
      const [event] = await log.append([
        { type: 'webhook.test', data: { webhookId: id, name: maskUrlsIn(lane.config.name), message } },
      ]);
      const rows = await store.listDeliveries({ webhookId: id, eventId: event?.id ?? '', limit: 1 });
      const [row] = rows;
      if (row === undefined) throw new CodeBuddyError('webhook_not_found', `Webhook ${id} was removed.`);
      await sendNow(lane, row);
      return viewOf(row);
    },
    async rotateSecret(id, secret = generateSecret()) {
      find(id);
      return turns.take(id, async () => {
        const lane = find(id);
        const old = entryOf(lane).config.secret;
        // A secret that cannot be used is refused before anything is changed.
        patchEntry(entryOf(lane), { secret });
        const before = lane.memory;
        const until = clock.wall() + graceOfSecretMs;
        const previousSecrets =
          old === undefined || old === secret
            ? before.previousSecrets
            : [
                { secret: old, until },
                ...before.previousSecrets.filter(
                  (previous) => previous.until > clock.wall() && previous.secret !== secret,
                ),
              ].slice(0, maxPreviousSecrets);
        // The old one first: between the two writes both sign.
        lane.remember({ ...before, previousSecrets, swapLegacy: false });
        try {
          await store.write([keepMemory(lane)]);
          const { config, refusal } = await changeEntry(lane, { secret });
          lane.configure({ ...config, enabled: lane.config.enabled }, refusal);
        } catch (error) {
          lane.remember({
            ...lane.memory,
            previousSecrets: before.previousSecrets,
            swapLegacy: before.swapLegacy,
          });
          throw error;
        }
        dispatcher.wake(lane);
        return {
          ...secretsOf(secret),
          previousValidUntil: old === undefined ? null : new Date(until).toISOString(),
        };
      });
    },
    async replay(id, range) {
      const lane = find(id);
      if (replaying.has(id))
        throw new CodeBuddyError('replay_running', `Events are being replayed to webhook ${id} already.`);
      replaying.add(id);
      try {
        return await replayTo(lane, range);
      } finally {
        replaying.delete(id);
      }
    },
    async enable(id, { replayMissed = false }) {
      find(id);
      return turns.take(id, async () => {
        const lane = find(id);
        let queued = 0;
        if (lane.isEnabled) await resume(lane);
        else queued = await enableLane(lane, replayMissed);
        return { webhook: await view(lane), queued };
      });
    },
    forEvent: (type) => outbox.lanesFor(type).map(({ id }) => id),
    async emit(event) {
      const { result, deliveries } = outbox.observe(() => log.append([event]));
      const [logged] = await result;
      if (logged === undefined) throw new Error('The log gave no event back');
      return { event: logged, deliveries };
    },
    async settled(deliveries) {
      return Promise.all(deliveries.map(settledOne));
    },
    async listDeliveries({ limit, after, event, since, ...query }) {
      const rows = await store.listDeliveries({
        ...query,
        limit: limit + 1,
        ...(after === undefined ? {} : { beforeId: after }),
        ...(event === undefined ? {} : { eventType: event }),
        ...(since === undefined ? {} : { since: timeOf(since) }),
      });
      const items = rows.slice(0, limit).map(viewOf);
      const last = items.at(-1);
      return rows.length > limit && last !== undefined ? { items, next: last.id } : { items };
    },
    async getDelivery(id) {
      const row = await store.getDelivery(id);
      if (row === undefined) return undefined;
      const delivery = viewOf(row);
      const payload = await store.getPayload(row.sequence);
      const lane = lanes.get(row.webhookId);
      const explanation = explain({ delivery, lane, payload, ...times() });
      return { ...delivery, explanation };
    },
    async retry(id) {
      const row = await store.getDelivery(id);
      if (row === undefined) throw noDelivery(id);
      const lane = find(row.webhookId);
      const isInMemory = [...lane.ready, ...lane.urgent].some((delivery) => delivery.id === id);
      const isWaiting = row.status === 'pending' && (isInMemory || !lane.known.has(id));
      // What is in line is not sent sooner for being asked for, unless something holds the line up.
      const isHeldUp = lane.isOpen || lane.shutUntil(clock.now()) !== undefined;
      const isInLine = isWaiting && (row.nextAttemptAt === null || isInMemory) && !isHeldUp;
      if (retrying.has(id) || isInLine || (row.status === 'pending' && !isWaiting))
        throw new CodeBuddyError('delivery_pending', `Delivery ${id} is under way, or next in line.`);
      retrying.add(id);
      try {
        if (row.status === 'pending') {
          // Now instead of later; what it has spent stays spent.
          if (row.nextAttemptAt !== null && !lane.known.has(id))
            await store.write([{ kind: 'changeDelivery', change: { ...row, nextAttemptAt: null } }]);
          if (!lane.known.has(id)) lane.enqueue([row.sequence]);
          await sendNow(lane, { ...row, nextAttemptAt: null });
        } else {
          await requeue([row]);
          const again = await store.getDelivery(id);
          if (again !== undefined) await sendNow(lane, again);
        }
      } finally {
        retrying.delete(id);
      }
      const now = await store.getDelivery(id);
      return viewOf(now ?? row);
    },
    async retryFailed({ webhookId, event, since }) {
      let beforeId: string | undefined;
      let queued = 0;
      while (!closing.signal.aborted) {
        const rows = await store.listDeliveries({
          status: 'failed',
          limit: 200,
          ...(webhookId === undefined ? {} : { webhookId }),
          ...(event === undefined ? {} : { eventType: event }),
          ...(since === undefined ? {} : { since: timeOf(since) }),
          ...(beforeId === undefined ? {} : { beforeId }),
        });
        beforeId = rows.at(-1)?.id;
        if (beforeId === undefined) break;
        const wanted = rows.filter((row) => lanes.has(row.webhookId) && !retrying.has(row.id));
        if (wanted.length > 0) await requeue(wanted);
        queued += wanted.length;
      }
      return { queued };
    },
    async clearHistory({ webhookId }) {
      let deleted = 0;
      for (;;) {
        const count = await store.clearDeliveries(webhookId, stepSize);
        deleted += count;
        endedTotal -= count;
        if (count < stepSize) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      failedInHistory = (await store.endedCounts()).failed;
      return { deleted };
    },
    async createForRun(runId, input) {
      const config = parseWebhook({ ...input, name: `run ${runId}` }, checks);
      requireRoomForRun();
      creatingForRuns++;
      try {
        await checkTarget(config.url, guard, names);
        await store.write([putRunWebhook(config, runId, clock.now())]);
      } finally {
        creatingForRuns--;
      }
      const lane = new Lane(config, freshMemory, runId);
      lanes.set(config.id, lane);
      outbox.forget();
      watchRun(lane, runId);
      return { id: config.id };
    },
    async dropForRun(runId) {
      for (const lane of [...lanes.values()]) if (lane.runId === runId) await dropLane(lane);
    },
    counters: () => ({
      emitted: figures.emitted,
      delivered: figures.delivered,
      failed: figures.failed,
      retried: figures.retried,
    }),
    async stats() {
      let pending = 0;
      let refused = 0;
      for (const lane of lanes.values()) {
        pending += lane.pending;
        if (lane.refusal !== undefined) refused++;
      }
      const fresh = pending === 0 ? undefined : await store.oldestFresh();
      const waiting = pending === 0 ? [] : await store.waitingCounts();
      const oldest = Math.min(
        fresh ?? clock.now(),
        ...waiting.map(({ oldestCreatedAt }) => oldestCreatedAt),
        clock.now(),
      );
      return {
        emitted: figures.emitted,
        delivered: figures.delivered,
        failed: figures.failed,
        retried: figures.retried,
        inFlight: dispatcher.inFlight(),
        pending,
        oldestPendingAgeMs: clock.now() - oldest,
        failedInHistory,
        refused,
        latency: figures.latency(),
      };
    },
    setAside: () => setAsideFiles(registryPath),
    refused: () =>
      [...lanes.values()].flatMap(({ id, refusal }) =>
        refusal === undefined ? [] : [{ id, reason: maskUrlsIn(refusal) }],
      ),
    trouble: () => troubleNow,
    async close(graceMs = 15_000) {
      if (closing.signal.aborted) return;
      closing.abort();
      const saved = registry.close();
      await turns.idle();
      await saved;
      housekeeping.stop();
      detach();
      for (const lane of lanes.values()) clearTimeout(lane.timer);
      await dispatcher.close(graceMs);
      names.close();
      checkWatchers();
    },
  };
}

/** What is pending for a webhook that may come back. */
interface WaitingForReturn {
  readonly count: number;
  readonly nextAttemptAt: number | undefined;
  readonly sequences: readonly number[];
}

/** The entry, enabled or not; else as it is. @throws CodeBuddyError `webhook_not_found` */
function withEnabled(entry: RegistryEntry | undefined, id: string, enabled: boolean): unknown {
  if (entry === undefined) throw noWebhook(id);
  const { config, refusal, raw } = entry;
  if (config.enabled === enabled) return raw;
  if (refusal === undefined) return toFileEntry({ ...config, enabled });
  return isRecord(raw) ? { ...raw, enabled } : raw;
}

function noWebhook(id: string): CodeBuddyError {
  return new CodeBuddyError('webhook_not_found', `There is no webhook ${id}.`);
}

function webhookExists(id: string): CodeBuddyError {
  return new CodeBuddyError('webhook_exists', `A webhook with the id ${id} exists already.`);
}

function putRunWebhook(config: WebhookConfig, runId: string, createdAt: number): Write {
  return {
    kind: 'putRunWebhook',
    row: { webhookId: config.id, runId, config: JSON.stringify(config), createdAt },
  };
}

function putState(webhookId: string, state: string): Write {
  return { kind: 'putWebhookState', row: { webhookId, state } };
}

function secretsOf(secret: string | undefined): WebhookSecret {
  return secret === undefined
    ? { secret: null, signingSecret: null }
    : { secret, signingSecret: signingSecretOf(secret) };
}

function noDelivery(id: string): CodeBuddyError {
  return new CodeBuddyError('delivery_not_found', `There is no delivery ${id}, or it was pruned.`);
}

function timeOf(since: string): number {
  const time = Date.parse(since);
  if (!Number.isNaN(time)) return time;
  const message = `must be an RFC 3339 time; it is ${JSON.stringify(since)}`;
  throw new CodeBuddyError('validation_failed', `since ${message}`, {
    errors: [{ in: 'query', pointer: '/since', message }],
  });
}

function isLocal({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' ||
    hostname.startsWith('127.') ||
    hostname === '[::1]' ||
    hostname.endsWith('.localhost')
  );
}

/** A network card with an address that leads beyond this machine. */
function hasNetwork(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ internal }) => !internal));
}
