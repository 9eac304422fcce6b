// Starts deliveries when they are due and a slot is free, round robin between webhooks, and records what came of them. It wakes when
// something is committed, ends or falls due; idle, it does nothing. What is under way needs no mark in the store: the store has one owner,
// so whatever is pending there when a process starts is free again.

import { callHost } from '../base/call-host.ts';
import { version } from '../base/version.ts';
import type { DeliveryChange, DeliveryRow, DeliveryStore } from '../store/delivery-store.ts';
import type { Store, Write } from '../store/store.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import type { Taken } from './delivery-queue.ts';
import type { Lane } from './lane.ts';
import type { PayloadCache } from './payload-cache.ts';
import { decideNext } from './retry-policy.ts';
import type { SavedState } from './saved-state.ts';
import type { Transport } from './transport.ts';
import type { TransportResult } from './transport-result.ts';
import { judge, type Verdict } from './verdict.ts';
import { afterAnswer, afterFailure, afterSuccess, type HealthChange } from './webhook-health.ts';

export interface DispatcherOptions {
  readonly store: Pick<Store, 'write'> &
    Pick<
      DeliveryStore,
      'freshDeliveries' | 'waitingDeliveries' | 'nextWaiting' | 'hastenWaiting' | 'getPayload'
    >;
  readonly transport: Transport;
  readonly payloads: PayloadCache;
  readonly clock: DeliveryClock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly hooks: DispatcherHooks;
  /** How many deliveries a lane may hold in memory. */
  readonly capacity: () => number;
  /** Requests under way in all. @default 128 */
  readonly maxInFlight?: number;
}

export interface DispatcherHooks {
  /** After its record is committed. */
  onRecorded(lane: Lane, delivery: DeliveryRow, change: DeliveryChange): void;
  /** At once, for figures. */
  onAttempt(lane: Lane, verdict: Verdict, result: TransportResult): void;
  /** A webhook fails, recovers, or must be disabled. */
  onHealth(lane: Lane, change: HealthChange | 'gone' | 'receiver_asked', reason: string): void;
  /** Nothing is wrong with the receiver, but we cannot send now; told once until it works again. */
  onTrouble(message: string | undefined): void;
  /** The machine has no network: a failure to connect says nothing about a receiver. */
  isOffline(lane: Lane): boolean;
  /** This machine cannot reach the webhook's target, or can again (undefined); told once each. */
  onUnreachable(lane: Lane, message: string | undefined): void;
  onFault(error: unknown): void;
}

export interface Dispatcher {
  /** Something has changed for this webhook: look what may start. */
  wake(lane: Lane): void;
  /** Sends a fresh delivery now, before all others, whether or not its webhook's breaker is open or its receiver asked for a pause. */
  sendNow(lane: Lane, delivery: DeliveryRow): void;
  inFlight(): number;
  /** Starts nothing more, waits for what is under way, then lets the rest go unrecorded. Resolves when all is recorded. */
  close(graceMs: number): Promise<void>;
}

/** Requests started in one turn of the event loop: keeps a turn to a millisecond or two. */
const startsPerTurn = 24;
/** Results that wait to be recorded; beyond, nothing starts, or a disk that is full would cost duplicates. */
const maxUnrecorded = 512;
const recordWithinMs = 10;
const holdMs = 2000;
const recordAgainMs = 1000;
/** When to look again at a webhook that has something due but cannot start it: something else wakes it first. */
const lookAgainMs = 1000;
/** Of the deliveries that wait for a retry, how many are looked at for one to probe with. */
const probeCandidates = 100;
/** A probe that is not due is not sent more often, or its history would grow without end. */
const mostTriesEarly = 60;
const hastenStep = 500;
/** A timer's longest sleep: clocks jump, and setTimeout overflows after 24 days. */
const longestSleepMs = 60 * 60 * 1000;

/** A delivery under way. */
interface Started {
  readonly lane: Lane;
  readonly delivery: DeliveryRow;
  /** The breaker was open when it started. */
  readonly isProbe: boolean;
  /** It was sent before it was due, as a probe. */
  readonly isEarly: boolean;
  /** Someone asked for it. */
  readonly isUrgent: boolean;
  /** Its slot is free again. */
  isReleased: boolean;
}

interface Result {
  readonly lane: Lane;
  readonly delivery: DeliveryRow;
  readonly change: DeliveryChange;
  /** The webhook's memory has changed with it. */
  readonly isStateChanged: boolean;
  /** It keeps the one slot of an ordered webhook until it is recorded, whatever the webhook is by then. */
  readonly keepsSlot: boolean;
}

export function createDispatcher({
  store,
  transport,
  payloads,
  clock,
  random,
  hooks: unguarded,
  capacity,
  maxInFlight = 128,
}: DispatcherOptions): Dispatcher {
  const hooks = guardHooks(unguarded);
  const line: Lane[] = [];
  const toLoad: Lane[] = [];
  let results: Result[] = [];
  const recording = new Set<Promise<void>>();
  let unrecorded = 0;
  let inFlight = 0;
  let isPumping = false;
  let heldUntil = 0;
  /** Webhooks with deliveries that were put back. */
  const held = new Set<Lane>();
  let holdTimer: NodeJS.Timeout | undefined;
  let isClosing = false;
  /** What ends from here on was cut by us: it says nothing. */
  let isCut = false;
  let whenIdle: (() => void) | undefined;

  /** Never throws: whoever wakes a webhook is in the middle of something else. */
  function wake(lane: Lane): void {
    try {
      if (!isClosing) wakeNow(lane);
    } catch (error) {
      hooks.onFault(error);
    }
  }

  function wakeNow(lane: Lane): void {
    const now = clock.now();
    if (lane.shouldLoad(now, capacity())) loadSoon(lane);
    if (!lane.isInLine && lane.canStart(now)) {
      lane.joinedLine();
      line.push(lane);
    }
    if (lane.isInLine) pumpSoon();
    else setTimer(lane, now);
  }

  function setTimer(lane: Lane, now: number): void {
    const at = lane.wakeAt(now);
    if (at === undefined || lane.queue.isLoading) lane.stopTimer();
    else lane.setTimer(at > now ? Math.min(at - now, longestSleepMs) : lookAgainMs, () => wake(lane));
  }

  function pumpSoon(): void {
    if (isPumping) return;
    isPumping = true;
    setImmediate(pump);
  }

  function pump(): void {
    isPumping = false;
    const now = clock.now();
    if (isClosing || now < heldUntil) return;
    let starts = 0;
    while (line.length > 0 && inFlight < maxInFlight && unrecorded < maxUnrecorded) {
      if (starts === startsPerTurn) {
        pumpSoon();
        return;
      }
      const lane = line.shift() as Lane;
      lane.leftLine();
      const taken = lane.canStart(now) ? lane.startNext() : undefined;
      if (taken !== undefined) {
        start(lane, taken, now);
        starts++;
      }
      if (lane.canStart(now)) {
        lane.joinedLine();
        line.push(lane);
      } else wake(lane);
    }
  }

  function start(lane: Lane, { delivery, isUrgent }: Taken, now: number): void {
    inFlight++;
    const started: Started = {
      lane,
      delivery,
      isProbe: lane.isBreakerOpen,
      isEarly: delivery.nextAttemptAt !== null && delivery.nextAttemptAt > now,
      isUrgent,
      isReleased: false,
    };
    const body = payloads.get(delivery.sequence);
    if (body !== undefined) {
      sendSafely(started, body);
      return;
    }
    store.getPayload(delivery.sequence).then(
      (bytes) => {
        if (bytes === undefined) {
          const error = new Error(`The payload of delivery ${delivery.id} is gone`);
          faultOfOne(started, error);
          return;
        }
        payloads.put(delivery.sequence, bytes);
        sendSafely(started, bytes);
      },
      (error: unknown) => {
        hooks.onFault(error);
        putBack(started);
        hold(lane);
      },
    );
  }

  /** A request that cannot even be made concerns its webhook alone. */
  function sendSafely(started: Started, body: Uint8Array): void {
    try {
      send(started, body);
    } catch (error) {
      faultOfOne(started, error);
    }
  }

  function faultOfOne(started: Started, error: unknown): void {
    hooks.onFault(error);
    putBack(started);
    block(started.lane, 'send_failed', error instanceof Error ? error.message : String(error));
  }

  function send(started: Started, body: Uint8Array): void {
    const { lane, delivery } = started;
    const { config } = lane;
    if (delivery.tries > 0 && clock.patient() >= delivery.expiresAt) {
      release(lane);
      started.isReleased = true;
      end(lane, delivery, { status: 'failed', reason: 'expired' });
      return;
    }
    const wall = clock.wall();
    const timestamp = Math.floor(wall / 1000);
    const headers = [
      'content-type',
      'application/json',
      'user-agent',
      userAgent,
      'accept-encoding',
      'identity',
      'webhook-id',
      delivery.eventId,
      'webhook-timestamp',
      String(timestamp),
      ...lane.signerAt(wall).sign(delivery.eventId, timestamp, body),
      'X-Webhook-Event',
      delivery.eventType,
      'X-Webhook-Attempt',
      String(delivery.tries + 1),
      'X-CodeBuddy-Hop',
      String(delivery.hop + 1),
    ];
    for (const [name, value] of Object.entries(config.headers)) headers.push(name, value);
    transport
      .send({
        url: lane.url,
        headers,
        body,
        timeoutMs: config.timeout,
        ...(config.tls === undefined ? {} : { tls: config.tls }),
      })
      .then((result) => finish(started, result, wall))
      // `send` never rejects: what follows it has a fault, and the slot must not stay taken.
      .catch((error: unknown) => {
        if (started.isReleased) hooks.onFault(error);
        else faultOfOne(started, error);
      });
  }

  function finish(started: Started, result: TransportResult, sentAt: number): void {
    const { lane, delivery, isProbe, isEarly } = started;
    if (isCut) {
      release(lane);
      started.isReleased = true;
      return;
    }
    const now = clock.now();
    const verdict = judge(result, clock.wall());
    hooks.onAttempt(lane, verdict, result);
    if (verdict.outcome === 'local_fault') {
      hooks.onTrouble(verdict.message ?? verdict.outcome);
      putBack(started);
      hold(lane);
      return;
    }
    hooks.onTrouble(undefined);
    if (verdict.next === 'later' || (verdict.isUnsent && verdict.sign === 'down' && hooks.isOffline(lane))) {
      waitForWay(started, verdict, result, sentAt);
      return;
    }
    const wasBlocked = unblock(lane);

    // A probe that found nobody spends nothing: the delivery waits as if it had never started.
    const isFree =
      isProbe &&
      verdict.isUnsent === true &&
      lane.isBreakerOpen &&
      (isEarly || (delivery.attempts === 0 && delivery.answered === 'nothing'));
    if (isFree) {
      const before = lane.state;
      updateHealth(started, verdict, now, wasBlocked);
      putBack(started);
      if (isWorthKeeping(before, lane.state)) saveSoon(lane);
      wake(lane);
      return;
    }
    // Before its time and in vain: nothing is spent, and it is due when it was.
    const isExtra = isProbe && isEarly && verdict.sign === 'down';
    const counts = verdict.counts && !isExtra;
    const counted = {
      ...delivery,
      attempts: delivery.attempts + (counts ? 1 : 0),
      tries: delivery.tries + 1,
      pauses: delivery.pauses + (verdict.next === 'wait' ? 1 : 0),
    };
    const next = isExtra
      ? { kind: 'again' as const, at: delivery.nextAttemptAt ?? now, reason: verdict.outcome }
      : decideNext(counted, verdict, {
          retryCount: lane.config.retryCount,
          retryDelay: lane.config.retryDelay,
          now,
          patient: clock.patient(),
          random: random(),
        });
    const change: DeliveryChange = {
      id: delivery.id,
      sequence: delivery.sequence,
      webhookId: delivery.webhookId,
      status: next.kind === 'ended' ? next.status : 'pending',
      attempts: counted.attempts,
      tries: counted.tries,
      pauses: counted.pauses,
      nextAttemptAt: next.kind === 'again' ? next.at : null,
      endedAt: next.kind === 'ended' ? now : null,
      reason: next.reason,
      attempt: describeAttempt(lane, counted.tries, sentAt, { ...verdict, counts }, result),
    };
    const isStateChanged = updateHealth(started, verdict, now, wasBlocked);
    // From here on nothing throws: the slot is given back once, and what came of the attempt is recorded once.
    release(lane);
    started.isReleased = true;
    record(lane, delivery, isStateChanged, change);
  }

  /** What the outcome means for the webhook; gives whether its memory has changed. */
  function updateHealth(
    { lane, isUrgent }: Started,
    verdict: Verdict,
    now: number,
    wasBlocked: boolean,
  ): boolean {
    const before = lane.state;
    let { state, change }: ReturnType<typeof afterSuccess> = { state: before, change: undefined };
    if (verdict.outcome === 'success') {
      ({ state, change } = afterSuccess(before));
      // It takes requests, whatever pause it asked for.
      if (isUrgent && state.pausedUntil !== null) state = { ...state, pausedUntil: null };
      lane.succeeded(now, before.openUntil !== null || wasBlocked);
    } else if (verdict.counts && verdict.sign !== 'unknown') {
      ({ state, change } = afterFailure(before, now, random(), verdict.sign));
      if (verdict.slowDown) lane.overloaded();
    } else if (verdict.sign === 'alive') state = afterAnswer(before);
    if (before.openUntil !== null && state.openUntil === null) {
      if (verdict.outcome !== 'success') lane.recovered();
      hasten(lane, now, now - (before.openedAt ?? now));
    }
    if (verdict.pauseMs !== undefined) {
      // Upwards only: who asks for two seconds does not want it sooner.
      const until = now + Math.round(verdict.pauseMs * (1 + 0.1 * random()));
      state = { ...state, pausedUntil: Math.max(until, state.pausedUntil ?? 0) };
    }
    if (verdict.isUnauthorized && state.previousSecrets.length > 0)
      state = { ...state, swapLegacy: !state.swapLegacy };
    if (state !== before) lane.setState(state);
    const asked = verdict.disable ?? change;
    if (asked !== undefined) hooks.onHealth(lane, asked, verdict.message ?? verdict.outcome);
    return state !== before;
  }

  /** The receiver is back: what waits for a retry because it was away need not wait longer. */
  function hasten(lane: Lane, now: number, withinMs: number): void {
    const step = async (): Promise<void> => {
      for (;;) {
        const count = await store.hastenWaiting(lane.id, { now, withinMs, max: hastenStep });
        if (count > 0) {
          lane.queue.hastened(now);
          wake(lane);
        }
        if (count < hastenStep || isClosing) return;
      }
    };
    // They are due in their own time if this fails.
    step().catch(hooks.onFault);
  }

  function release(lane: Lane): void {
    lane.released();
    inFlight--;
    if (inFlight === 0) whenIdle?.();
  }

  /** As if it had never started. */
  function putBack(started: Started): void {
    const { lane, delivery, isEarly } = started;
    if (!started.isReleased) release(lane);
    started.isReleased = true;
    lane.queue.putBack(delivery, isEarly);
  }

  /** This machine has no way to the target. The first time is in the history, without a cost; those that follow are in the webhook's state. */
  function waitForWay(started: Started, verdict: Verdict, result: TransportResult, sentAt: number): void {
    const { lane, delivery } = started;
    const isNew = lane.unreachable?.reason !== verdict.outcome;
    const words = verdict.message ?? verdict.outcome;
    const unreachable = lane.notReached(
      verdict.outcome,
      verdict.next === 'later' ? words : `no network (${words})`,
      clock.now(),
      random(),
    );
    if (!isNew) {
      putBack(started);
      wake(lane);
      return;
    }
    hooks.onUnreachable(lane, unreachable.message);
    const tries = delivery.tries + 1;
    const change: DeliveryChange = {
      id: delivery.id,
      sequence: delivery.sequence,
      webhookId: delivery.webhookId,
      status: 'pending',
      attempts: delivery.attempts,
      tries,
      pauses: delivery.pauses,
      nextAttemptAt: unreachable.until,
      endedAt: null,
      reason: verdict.outcome,
      attempt: describeAttempt(lane, tries, sentAt, { ...verdict, counts: false }, result),
    };
    release(lane);
    started.isReleased = true;
    record(lane, delivery, false, change);
  }

  function block(lane: Lane, reason: string, message: string): void {
    const isNew = lane.unreachable === undefined;
    lane.notReached(reason, message, clock.now(), random());
    if (isNew) hooks.onUnreachable(lane, message);
    wake(lane);
  }

  /** Gives whether it was blocked. */
  function unblock(lane: Lane): boolean {
    if (!lane.reached()) return false;
    hooks.onUnreachable(lane, undefined);
    return true;
  }

  /** Something that every request needs is missing: nothing starts for a moment. */
  function hold(lane: Lane): void {
    held.add(lane);
    heldUntil = clock.now() + holdMs;
    clearTimeout(holdTimer);
    holdTimer = setTimeout(() => {
      heldUntil = 0;
      // Nothing else would wake one whose only delivery was put back.
      for (const waiting of held) wake(waiting);
      held.clear();
      pumpSoon();
    }, holdMs);
    holdTimer.unref();
  }

  /** Keeps what is remembered of a webhook without a delivery's record. */
  function saveSoon(lane: Lane): void {
    const row = { webhookId: lane.id, state: JSON.stringify(lane.state) };
    const writing: Promise<void> = store
      .write([{ kind: 'putWebhookState', row }])
      .then(() => undefined, hooks.onFault)
      .finally(() => recording.delete(writing));
    recording.add(writing);
  }

  /** Ends a delivery that nothing was sent for. */
  function end(
    lane: Lane,
    delivery: DeliveryRow,
    { status, reason }: { readonly status: 'failed'; readonly reason: string },
  ): void {
    const change: DeliveryChange = {
      id: delivery.id,
      sequence: delivery.sequence,
      webhookId: delivery.webhookId,
      status,
      attempts: delivery.attempts,
      tries: delivery.tries,
      pauses: delivery.pauses,
      nextAttemptAt: null,
      endedAt: clock.now(),
      reason,
    };
    release(lane);
    record(lane, delivery, false, change);
  }

  function record(lane: Lane, delivery: DeliveryRow, isStateChanged: boolean, change: DeliveryChange): void {
    unrecorded++;
    // The order of an ordered webhook also holds over a crash: the next one starts when this one is on the disk.
    const keepsSlot = lane.recording();
    if (results.length === 0) setImmediate(flush);
    results.push({ lane, delivery, change, isStateChanged, keepsSlot });
    // The slot is free: the next one need not wait for the disk.
    wake(lane);
  }

  /** Writes what has ended in this turn. */
  function flush(): void {
    if (results.length === 0) return;
    const batch = results;
    results = [];
    const writing: Promise<void> = recordBatch(batch).finally(() => recording.delete(writing));
    recording.add(writing);
  }

  async function recordBatch(batch: readonly Result[]): Promise<void> {
    const changes = batch.map(({ change }): Write => ({ kind: 'changeDelivery', change }));
    const remembering = new Set(batch.filter((result) => result.isStateChanged).map(({ lane }) => lane));
    // Nothing waits for a record but the order of an ordered webhook, so it may share the commit of others. What is remembered may not:
    // it must not come to the disk after what is remembered later.
    let maxDelayMs = remembering.size > 0 || batch.some(({ keepsSlot }) => keepsSlot) ? 0 : recordWithinMs;
    for (;;) {
      try {
        const states = [...remembering].map(
          ({ id, state }): Write => ({
            kind: 'putWebhookState',
            row: { webhookId: id, state: JSON.stringify(state) },
          }),
        );
        await store.write([...changes, ...states], { maxDelayMs });
        break;
      } catch (error) {
        hooks.onFault(error);
        // Kept until the disk takes it; meanwhile no more than `maxUnrecorded` results wait.
        if (isCut) return;
        maxDelayMs = 0;
        await new Promise((resolve) => setTimeout(resolve, recordAgainMs));
      }
    }
    for (const result of batch) recorded(result);
  }

  function recorded({ lane, delivery, change, keepsSlot }: Result): void {
    unrecorded--;
    lane.recorded(delivery.id, change.nextAttemptAt, keepsSlot);
    hooks.onRecorded(lane, delivery, change);
    wake(lane);
    if (line.length > 0) pumpSoon();
  }

  /** One lane a turn: a hundred that run dry together must not hold up everything else. */
  function loadSoon(lane: Lane): void {
    lane.queue.loadingStarted();
    toLoad.push(lane);
    if (toLoad.length === 1) setImmediate(loadNext);
  }

  function loadNext(): void {
    const lane = toLoad[0];
    if (lane === undefined || isClosing) return;
    load(lane)
      .catch(hooks.onFault)
      .finally(() => {
        toLoad.shift();
        if (toLoad.length > 0) setImmediate(loadNext);
      });
  }

  /** Takes what is due from the store: tried ones first, then fresh ones. */
  async function load(lane: Lane): Promise<void> {
    const { queue } = lane;
    const room = Math.ceil(capacity() / 2);
    let sequences: readonly number[] = [];
    try {
      const now = clock.now();
      const isProbing = lane.needsProbe(now);
      if (queue.nextWaitingAt !== undefined && queue.nextWaitingAt <= now) {
        const limit = queue.knownCount + room;
        const due = await store.waitingDeliveries(lane.id, now, limit);
        queue.loadedWaiting(due);
        queue.setNextWaiting(due.length === limit ? now : await store.nextWaiting(lane.id, now));
      }
      if (queue.freshCount > 0 && (queue.readyCount <= room || isProbing)) {
        sequences = queue.takeFresh(Math.max(2 * room - queue.readyCount, 1));
        queue.loadedFresh(await store.freshDeliveries(lane.id, sequences));
      }
      if (isProbing && queue.freshCount === 0 && lane.needsProbe(now)) await loadProbe(lane);
    } catch (error) {
      queue.returnedFresh(sequences);
      hooks.onFault(error);
      // The store cannot be read now; others would fare no better meanwhile.
      await new Promise((resolve) => setTimeout(resolve, recordAgainMs).unref());
    }
    queue.loadingEnded();
    wake(lane);
  }

  /** Of what waits for a retry, though it is not due: one that the receiver has not refused, and rather one that it never answered. */
  async function loadProbe(lane: Lane): Promise<void> {
    const waiting = await store.waitingDeliveries(lane.id, Number.MAX_SAFE_INTEGER, probeCandidates);
    const fit = waiting.filter(
      ({ id, answered, tries }) => !lane.queue.knows(id) && answered !== 'refused' && tries < mostTriesEarly,
    );
    const untouched = fit.find(({ answered }) => answered === 'nothing');
    const row = lane.config.ordered
      ? // The first in order or none.
        waiting.length === 1
        ? fit[0]
        : undefined
      : (untouched ?? (lane.queue.hasFailed ? undefined : fit[0]));
    lane.queue.loadedProbe(row);
  }

  return {
    wake,
    sendNow(lane, delivery) {
      if (lane.queue.madeUrgent(delivery)) wake(lane);
    },
    inFlight: () => inFlight,
    async close(graceMs) {
      isClosing = true;
      clearTimeout(holdTimer);
      if (inFlight > 0) {
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          new Promise<void>((resolve) => {
            whenIdle = resolve;
          }),
          new Promise<void>((resolve) => {
            timer = setTimeout(resolve, graceMs);
          }),
        ]);
        clearTimeout(timer);
      }
      isCut = true;
      await transport.close();
      if (results.length > 0) flush();
      await Promise.all(recording);
    },
  };
}

/** Whether a change of memory after a probe is written: a webhook that stays down changes every few seconds. */
function isWorthKeeping(before: SavedState, after: SavedState): boolean {
  return after.failures <= 32 || after.failures % 16 === 0 || after.failingTold !== before.failingTold;
}

/** What others are told must not come back as an error: a slot would stay taken, or a result unrecorded. */
function guardHooks(hooks: DispatcherHooks): DispatcherHooks {
  const onFault = (error: unknown): void => callHost(() => hooks.onFault(error));
  function tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      onFault(error);
    }
  }
  return {
    onFault,
    onRecorded: (...told) => tell(() => hooks.onRecorded(...told)),
    onAttempt: (...told) => tell(() => hooks.onAttempt(...told)),
    onHealth: (...told) => tell(() => hooks.onHealth(...told)),
    onUnreachable: (...told) => tell(() => hooks.onUnreachable(...told)),
    onTrouble: (message) => tell(() => hooks.onTrouble(message)),
    isOffline(lane) {
      try {
        return hooks.isOffline(lane);
      } catch (error) {
        onFault(error);
        return false;
      }
    },
  };
}

const userAgent = `CodeBuddy-Webhook/${version}`;

function describeAttempt(
  lane: Lane,
  number: number,
  at: number,
  verdict: Verdict,
  result: TransportResult,
): string {
  // Receivers send back what they got: an echo of our own headers must not be kept.
  const { redactor } = lane;
  const location =
    verdict.outcome === 'redirect_refused' && result.kind === 'answer' ? result.headers.location : null;
  return JSON.stringify({
    number,
    at: new Date(at).toISOString(),
    durationMs: result.durationMs,
    outcome: verdict.outcome,
    statusCode: result.kind === 'answer' ? result.statusCode : null,
    message: verdict.message === null ? null : redactor.redact(verdict.message),
    location: location ?? null,
    responseExcerpt:
      result.kind === 'answer' && result.excerpt !== '' ? redactor.redact(result.excerpt) : null,
    counted: verdict.counts,
  });
}
