// Starts deliveries when they are due and a slot is free, round robin between webhooks. It wakes when something is
// committed, ends or falls due; while idle it does nothing. A delivery under way has no mark in the store: a webhook
// has one owner, so all of its pending deliveries are free again when its owner changes.
//
// Over 400 lines: starting and ending a request change the same lists, slots and timers, and their order keeps these
// consistent.

import { traceparentOf } from '../base/trace-context.ts';
import type { Tracing } from '../base/tracing.ts';
import type { DeliveryChange, DeliveryRow, DeliveryStore } from '../store/delivery-store.ts';
import type { Store } from '../store/store.ts';
import { endAttemptSpan, startAttemptSpan } from './attempt-span.ts';
import {
  type Attempt,
  changeAfterAttempt,
  changeAfterUnreachable,
  changeToExpired,
} from './delivery-change.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import type { Taken } from './delivery-queue.ts';
import { type DispatcherHooks, guardHooks } from './dispatcher-hooks.ts';
import { createHealthUpdates } from './health-updates.ts';
import type { Lane } from './lane.ts';
import { createLoader } from './loader.ts';
import type { PayloadCache } from './payload-cache.ts';
import { createRecorder } from './recorder.ts';
import { requestHeaders, signatureIn } from './request-headers.ts';
import { isWorthSaving } from './saved-state.ts';
import type { Transport } from './transport.ts';
import type { TransportResult } from './transport-result.ts';
import { judge, type Verdict } from './verdict.ts';

export interface DispatcherOptions {
  readonly store: Pick<Store, 'write'> &
    Pick<DeliveryStore, 'freshDeliveries' | 'waitingDeliveries' | 'nextWaiting' | 'hastenWaiting'>;
  readonly transport: Transport;
  readonly payloads: PayloadCache;
  readonly clock: DeliveryClock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly hooks: DispatcherHooks;
  readonly tracing: Tracing;
  /** Limit of deliveries of a lane in memory. */
  readonly capacity: () => number;
  /** Requests in flight, of all webhooks together. @default 128 */
  readonly maxInFlight?: number;
  /** Limits the right to send, if other nodes may take over. @default this process may always send */
  readonly lease?: SendLease | undefined;
}

export interface SendLease {
  /** 0: start no request. */
  leftMs(): number;
  /** Calls `listener` when the lease is good again. */
  onRenewed(listener: () => void): () => void;
}

export interface Dispatcher {
  /** Called when something has changed for this webhook. Starts the deliveries that may start. Never throws. */
  wake(lane: Lane): void;
  /** Sends a delivery before all others, even if the breaker is open or the receiver asked for a pause. */
  sendNow(lane: Lane, delivery: DeliveryRow): void;
  /** Ends the requests of a lane that was retired. Nothing of them is recorded. */
  abort(lane: Lane): void;
  inFlight(): number;
  /** Resolves when the results that the store shows now are known here, too. */
  committed(): Promise<void>;
  /**
   * Starts nothing more and waits up to `graceMs` for requests in flight; the rest is left to the next start. Resolves
   * when all is recorded.
   */
  close(graceMs: number): Promise<void>;
}

/** Requests started in one turn of the event loop: keeps a turn to a millisecond or two. */
const startsPerTurn = 24;
/** Beyond this many unrecorded results nothing starts: a disk that is full would cost as many duplicates. */
const maxUnrecorded = 512;
/** Nothing starts for this time after a local fault, such as too many open files. */
const stallMs = 2000;
/**
 * The delay before the dispatcher checks a webhook again that has something due but cannot start it, in case no event
 * wakes it earlier.
 */
const lookAgainMs = 1000;
/** How often the lease is checked while a request of an ordered webhook is under way. */
const leaseLookMs = 20;
/** A timer's longest sleep: clocks jump, and setTimeout overflows after 24 days. */
const longestSleepMs = 60 * 60 * 1000;

/** A delivery under way. */
interface Started extends Taken {
  readonly lane: Lane;
  /** The breaker was open when it started. */
  readonly isProbe: boolean;
  /** It was sent before it was due, as a probe. */
  readonly isEarly: boolean;
  /** Its payload is in use. */
  hasPayload: boolean;
  /** Its slot is free again. */
  isReleased: boolean;
  /** How often the webhook had been enabled when it started. */
  readonly timesEnabled: number;
  /** Only if there is a lease. */
  readonly abort: AbortController | undefined;
}

/** The facts of an attempt that are known when its request is sent. */
type Sent = Pick<Attempt, 'sentAt' | 'signature' | 'traceparent'>;

export function createDispatcher({
  store,
  transport,
  payloads,
  clock,
  random,
  hooks: unguarded,
  tracing,
  capacity,
  maxInFlight = 128,
  lease,
}: DispatcherOptions): Dispatcher {
  const hooks = guardHooks(unguarded);
  /** Lanes that may start something, in their order. */
  const line: Lane[] = [];
  let inFlight = 0;
  let isPumping = false;
  let stalledUntil = 0;
  /** Lanes with deliveries that were put back when sending stalled. */
  const stalled = new Set<Lane>();
  let stallTimer: NodeJS.Timeout | undefined;
  let isClosing = false;
  /** Requests that end from here on were cut off by `close`: they say nothing about the receiver. */
  let isCutOff = false;
  let whenIdle: (() => void) | undefined;
  /** Requests under way, if there is a lease. */
  const abortable = new Set<Started>();
  /** Lanes with something to send that waits until the lease is good again. */
  const unleased = new Set<Lane>();
  let leaseTimer: NodeJS.Timeout | undefined;
  const stopLease = lease?.onRenewed(() => {
    const waiting = [...unleased];
    unleased.clear();
    for (const lane of waiting) wake(lane);
    pumpSoon();
  });

  const loader = createLoader({ store, clock, capacity, onLoaded: wake, onError: hooks.onError });
  const healthUpdates = createHealthUpdates({ store, random, hooks, onHastened: wake });
  const recorder = createRecorder({
    store,
    onRecorded(lane, delivery, change) {
      hooks.onRecorded(lane, delivery, change);
      wake(lane);
      if (line.length > 0) pumpSoon();
    },
    onError: hooks.onError,
  });

  // ---- starting

  function wake(lane: Lane): void {
    try {
      if (!isClosing) wakeNow(lane);
    } catch (error) {
      // The caller is in the middle of something else.
      hooks.onError(error);
    }
  }

  function wakeNow(lane: Lane): void {
    const now = clock.now();
    if (lane.shouldLoad(now, capacity())) loader.load(lane);
    if (!lane.isInLine && lane.canStart(now)) join(lane);
    if (lane.isInLine) pumpSoon();
    else setTimer(lane, now);
  }

  function join(lane: Lane): void {
    lane.joinedLine();
    line.push(lane);
  }

  function setTimer(lane: Lane, now: number): void {
    const at = lane.wakeAt(now);
    if (at === undefined || lane.queue.isLoading) lane.stopTimer();
    else lane.setTimer(at > now ? Math.min(at - now, longestSleepMs) : lookAgainMs, () => wake(lane));
  }

  function pumpSoon(): void {
    if (isPumping) return;
    isPumping = true;
    // Whatever wakes the dispatcher, its work belongs to the traces of the deliveries.
    setImmediate(() => tracing.within(undefined, pump));
  }

  function pump(): void {
    isPumping = false;
    const now = clock.now();
    if (isClosing || now < stalledUntil || !maySend()) return;
    let starts = 0;
    while (line.length > 0 && mayStart()) {
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
      if (lane.canStart(now)) join(lane);
      else wake(lane);
    }
  }

  function mayStart(): boolean {
    return inFlight < maxInFlight && recorder.unrecorded() < maxUnrecorded && payloads.hasRoom();
  }

  function start(lane: Lane, { delivery, isUrgent }: Taken, now: number): void {
    inFlight++;
    const started: Started = {
      lane,
      delivery,
      isUrgent,
      isProbe: lane.isBreakerOpen,
      isEarly: delivery.nextAttemptAt !== null && delivery.nextAttemptAt > now,
      hasPayload: false,
      isReleased: false,
      timesEnabled: lane.timesEnabled,
      abort: lease === undefined ? undefined : new AbortController(),
    };
    if (lease !== undefined) watchLease(started);
    const body = payloads.use(delivery.sequence);
    if (body !== undefined) {
      sendSafely(started, body);
      return;
    }
    payloads.read(delivery.sequence).then(
      (bytes) => {
        if (bytes === undefined)
          failed(started, new Error(`The payload of delivery ${delivery.id} is missing`));
        else sendSafely(started, bytes);
      },
      (error: unknown) => {
        hooks.onError(error);
        putBack(started);
        stall(lane);
      },
    );
  }

  /** A request that cannot be built affects its webhook only. */
  function sendSafely(started: Started, body: Uint8Array): void {
    started.hasPayload = true;
    try {
      send(started, body);
    } catch (error) {
      failed(started, error);
    }
  }

  function send(started: Started, body: Uint8Array): void {
    const { lane, delivery, abort } = started;
    if (abort?.signal.aborted === true || lane.isRetired) {
      cutOff(started);
      return;
    }
    if (!maySend()) {
      putBack(started);
      unleased.add(lane);
      return;
    }
    if (delivery.tries > 0 && clock.patient() >= delivery.expiresAt) {
      release(started);
      record(started, changeToExpired(delivery, clock.now()), false);
      return;
    }
    const { timeout, tls } = lane.config;
    const wall = clock.wall();
    const span = startAttemptSpan(tracing, lane, delivery);
    const trace = span.context;
    const headers = requestHeaders(lane, delivery, body, { wall, trace });
    const sent: Sent = {
      sentAt: wall,
      signature: signatureIn(headers),
      traceparent: trace === undefined ? undefined : traceparentOf(trace),
    };
    const request = {
      url: lane.url,
      headers,
      body,
      timeoutMs: timeout,
      ...(tls === undefined ? {} : { tls }),
      ...(abort === undefined ? {} : { signal: abort.signal, beforeWrite: () => abortWithoutLease(started) }),
    };
    tracing
      .within(span, () => transport.send(request))
      .then((result) => {
        endAttemptSpan(span, result);
        finish(started, result, sent);
      })
      // `send` never rejects, so the error comes from `finish`. The slot must still be released.
      .catch((error: unknown) => {
        if (started.isReleased) hooks.onError(error);
        else failed(started, error);
      });
  }

  // ---- ending

  function finish(started: Started, result: TransportResult, sent: Sent): void {
    const { lane, delivery, isProbe, isEarly, isUrgent } = started;
    if (isCutOff && lease === undefined) {
      release(started);
      return;
    }
    if (isCutOff || lane.isRetired || started.abort?.signal.aborted === true) {
      cutOff(started);
      return;
    }
    const now = clock.now();
    const judged = judge(result, clock.wall());
    // A request that began before the webhook was enabled again must not disable it.
    const { disable: _, ...withoutDisabling } = judged;
    const verdict = started.timesEnabled === lane.timesEnabled ? judged : withoutDisabling;
    hooks.onAttempt(lane, verdict, result);
    if (verdict.outcome === 'local_fault') {
      hooks.onTrouble(verdict.message ?? verdict.outcome);
      putBack(started);
      stall(lane);
      return;
    }
    hooks.onTrouble(undefined);
    if (verdict.next === 'later' || (verdict.isUnsent && verdict.sign === 'down' && hooks.isOffline(lane))) {
      finishUnreachable(started, verdict, result, sent);
      return;
    }
    const wasUnreachable = lane.reached();
    if (wasUnreachable) hooks.onUnreachable(lane, undefined);
    const context = { now, isUrgent, wasUnreachable };

    // A probe that reached no receiver spends nothing: the delivery waits as if it had never started.
    const isFree =
      isProbe &&
      verdict.isUnsent === true &&
      lane.isBreakerOpen &&
      (isEarly || (delivery.attempts === 0 && delivery.answered === 'nothing'));
    if (isFree) {
      const before = lane.state;
      healthUpdates.apply(lane, verdict, context);
      putBack(started);
      if (isWorthSaving(before, lane.state)) recorder.saveState(lane);
      wake(lane);
      return;
    }
    const change = changeAfterAttempt(
      { lane, delivery, verdict, result, ...sent },
      isProbe && isEarly && verdict.sign === 'down',
      { now, patient: clock.patient(), random: random() },
    );
    const isStateChanged = healthUpdates.apply(lane, verdict, context);
    // From here on nothing throws: the slot is released once, and the result is recorded once.
    release(started);
    record(started, change, isStateChanged);
  }

  /** The first failure is recorded, without an attempt spent; later ones show in the webhook's state only. */
  function finishUnreachable(started: Started, verdict: Verdict, result: TransportResult, sent: Sent): void {
    const { lane, delivery } = started;
    const isNew = lane.unreachable?.reason !== verdict.outcome;
    const words = verdict.message ?? verdict.outcome;
    const { message, until } = lane.notReached(
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
    hooks.onUnreachable(lane, message);
    const change = changeAfterUnreachable({ lane, delivery, verdict, result, ...sent }, until);
    release(started);
    record(started, change, false);
  }

  /** The right to send has ended meanwhile: as if the request had never started. */
  function cutOff(started: Started): void {
    putBack(started);
    wake(started.lane);
  }

  /** An internal error: the delivery waits, and the webhook is tried again later. */
  function failed(started: Started, error: unknown): void {
    hooks.onError(error);
    putBack(started);
    const { lane } = started;
    const isNew = lane.unreachable === undefined;
    const message = error instanceof Error ? error.message : String(error);
    lane.notReached('send_failed', message, clock.now(), random());
    if (isNew) hooks.onUnreachable(lane, message);
    wake(lane);
  }

  function release(started: Started): void {
    started.isReleased = true;
    if (started.hasPayload) payloads.release(started.delivery.sequence);
    keepBooks(() => started.lane.released());
    abortable.delete(started);
    inFlight--;
    // Lanes may wait for this slot, or for room for a payload.
    if (line.length > 0) pumpSoon();
    if (inFlight === 0) whenIdle?.();
  }

  function putBack(started: Started): void {
    if (!started.isReleased) release(started);
    keepBooks(() => started.lane.putBack(started.delivery, started.isEarly));
  }

  /** A lane with inconsistent state must not stop the others. */
  function keepBooks(change: () => void): void {
    try {
      change();
    } catch (error) {
      hooks.onError(error);
    }
  }

  function record({ lane, delivery }: Started, change: DeliveryChange, isStateChanged: boolean): void {
    recorder.record(lane, delivery, change, isStateChanged);
    // Except in an ordered webhook the slot is free: the next delivery need not wait for the disk.
    wake(lane);
  }

  // ---- the lease

  function maySend(): boolean {
    return lease === undefined || lease.leftMs() > 0;
  }

  /**
   * Another node may take over as soon as the lease has ended, so the request of an ordered webhook must not continue.
   * A request of another webhook may: at worst its receiver gets the delivery twice.
   */
  function watchLease(started: Started): void {
    abortable.add(started);
    if (started.lane.config.ordered) leaseTimer ??= setTimeout(checkLease, leaseLookMs).unref();
  }

  /** Looking up the name and connecting may have taken long. */
  function abortWithoutLease({ lane, abort }: Started): void {
    if (maySend()) return;
    unleased.add(lane);
    abort?.abort();
  }

  function checkLease(): void {
    leaseTimer = undefined;
    const ordered = [...abortable].filter(({ lane }) => lane.config.ordered);
    if (ordered.length === 0) return;
    for (const started of ordered) abortWithoutLease(started);
    leaseTimer = setTimeout(checkLease, leaseLookMs).unref();
  }

  /** This machine lacks something that every request needs: start nothing for a moment. */
  function stall(lane: Lane): void {
    stalled.add(lane);
    stalledUntil = clock.now() + stallMs;
    clearTimeout(stallTimer);
    stallTimer = setTimeout(() => {
      stalledUntil = 0;
      // Nothing else would wake a lane whose only delivery was put back.
      for (const waiting of stalled) wake(waiting);
      stalled.clear();
      pumpSoon();
    }, stallMs);
    stallTimer.unref();
  }

  return {
    wake,
    sendNow(lane, delivery) {
      if (lane.queue.madeUrgent(delivery)) wake(lane);
    },
    abort(lane) {
      for (const { lane: of, abort } of abortable) if (of === lane) abort?.abort();
    },
    inFlight: () => inFlight,
    committed: recorder.committed,
    async close(graceMs) {
      isClosing = true;
      stopLease?.();
      clearTimeout(leaseTimer);
      loader.close();
      healthUpdates.close();
      clearTimeout(stallTimer);
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
      isCutOff = true;
      await transport.close();
      await recorder.close();
    },
  };
}
