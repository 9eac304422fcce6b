// A lane: one webhook with its configuration, its saved state, its queue and its slots. The lane decides what may start
// now and, if nothing may, when to check again; the dispatcher starts it. Only the lane's own verbs change it.
//
// The first of these conditions that applies names what its requests wait for:
//
//   shadow       another node sends its deliveries                   (a new lane takes its place)
//   refused      the configuration cannot be used now                configure
//   disabled     nothing is sent, events are counted as missed       setState, configure
//   held         its queue is being put in order                     hold .. release
//   leaving      another node will send its deliveries               leave
//   paused       the receiver asked for a pause                      setState
//   unreachable  this machine cannot reach the target                notReached .. reached
//   open         the breaker is open: one probe at a time            setState
//   free         up to 8 requests at once; one in an ordered webhook
//
// `paused`, `unreachable` and `open` do not stop a delivery that a user asked to send now.
//
// A request takes a slot from `startNext` to `released`. In an ordered webhook the slot is taken again by `recording`
// and kept until `recorded`. The stages of a delivery are those of delivery-queue.ts.
//
// When the webhook gets another owner, a new lane takes the place of this one, which is retired: it starts nothing, and
// results of its requests are not recorded.

import type { Redactor } from '../base/redaction.ts';
import type { DeliveryRow } from '../store/delivery-store.ts';
import { type Credentials, createCredentials } from './credentials.ts';
import { DeliveryQueue, readAhead, type Taken } from './delivery-queue.ts';
import { createRequestLimit, maxRequests } from './request-limit.ts';
import type { SavedState } from './saved-state.ts';
import type { Signer } from './signing.ts';
import { type Unreachable, unreachableAgain } from './unreachable.ts';
import type { WebhookConfig } from './webhook-config.ts';

export interface LaneOptions {
  /** Set if the webhook belongs to one run. */
  readonly runId?: string | undefined;
  readonly refusal?: string | undefined;
  /** Another node sends its deliveries, and knows its state. @default false */
  readonly isShadow?: boolean;
  /** Deliveries of events up to this one were read from the store when the node became the owner. @default 0 */
  readonly knownUpTo?: number;
}

export class Lane {
  readonly id: string;
  /** Set if the webhook belongs to one run. */
  readonly runId: string | undefined;
  readonly queue: DeliveryQueue;
  /** Another node sends its deliveries. Events are planned for it, but nothing is queued. */
  readonly isShadow: boolean;
  readonly knownUpTo: number;

  #config: WebhookConfig;
  #url: URL;
  #refusal: string | undefined;
  #state: SavedState;
  #credentials: Credentials;
  #isRunEnded = false;
  #timesEnabled = 0;
  #unreachable: Unreachable | undefined;
  #lastSuccessAt: number | undefined;
  readonly #limit = createRequestLimit();
  #inFlight = 0;
  #holds = 0;
  #isInLine = false;
  #timer: NodeJS.Timeout | undefined;
  #isLeaving = false;
  #isRetired = false;
  #whenIdle: (() => void) | undefined;

  constructor(
    config: WebhookConfig,
    state: SavedState,
    { runId, refusal, isShadow = false, knownUpTo = 0 }: LaneOptions = {},
  ) {
    this.id = config.id;
    this.isShadow = isShadow;
    this.knownUpTo = knownUpTo;
    this.runId = runId;
    this.queue = new DeliveryQueue(config.ordered);
    this.#config = config;
    this.#refusal = refusal;
    this.#url = toUrl(config.url);
    this.#state = state;
    this.#credentials = createCredentials(config, state);
  }

  // ---- configuration and saved state

  get config(): WebhookConfig {
    return this.#config;
  }

  get url(): URL {
    return this.#url;
  }

  /** The reason why the configuration cannot be used now; undefined if it can. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  get state(): SavedState {
    return this.#state;
  }

  get isEnabled(): boolean {
    // The owner of a shadow writes to the registry when it disables the webhook.
    return this.#config.enabled && (this.isShadow || this.#state.disabledAt === null);
  }

  get isBreakerOpen(): boolean {
    return this.#state.openUntil !== null;
  }

  /** True if the webhook belongs to a run that has ended: it is removed when its deliveries have ended. */
  get isRunEnded(): boolean {
    return this.#isRunEnded;
  }

  get redactor(): Redactor {
    return this.#credentials.redactor;
  }

  signerAt(wall: number): Signer {
    return this.#credentials.signerAt(wall);
  }

  configure(config: WebhookConfig, refusal?: string): void {
    this.#config = config;
    this.#refusal = refusal;
    this.#url = toUrl(config.url);
    this.#credentials = createCredentials(config, this.#state);
    this.queue.setOrdered(config.ordered);
  }

  setState(state: SavedState): void {
    const { previousSecrets, swapLegacy, openUntil } = this.#state;
    this.#state = state;
    if (state.previousSecrets !== previousSecrets || state.swapLegacy !== swapLegacy)
      this.#credentials = createCredentials(this.#config, state);
    if (openUntil !== null && state.openUntil === null) this.queue.probingEnded();
  }

  /** How often it was enabled. A request that began before the last time must not disable it. */
  get timesEnabled(): number {
    return this.#timesEnabled;
  }

  wasEnabled(): void {
    this.#timesEnabled++;
  }

  runEnded(): void {
    this.#isRunEnded = true;
  }

  /**
   * Removes the webhook: nothing starts any more. Returns the sequences of everything pending, except deliveries that
   * wait in the store.
   */
  removed(): readonly number[] {
    this.#config = { ...this.#config, enabled: false };
    this.stopTimer();
    return this.queue.takeAll();
  }

  // ---- the receiver

  get unreachable(): Unreachable | undefined {
    return this.#unreachable;
  }

  get lastSuccessAt(): number | undefined {
    return this.#lastSuccessAt;
  }

  /** This machine could not reach the target: the next request is not made before `until` of the returned value. */
  notReached(reason: string, message: string, now: number, random: number): Unreachable {
    this.#unreachable = unreachableAgain(this.#unreachable, { reason, message }, now, random);
    return this.#unreachable;
  }

  /** Returns true if the target was unreachable before. */
  reached(): boolean {
    const wasUnreachable = this.#unreachable !== undefined;
    this.#unreachable = undefined;
    return wasUnreachable;
  }

  /**
   * `wasDown`: the receiver is back after the breaker was open or the target unreachable, so requests begin one at a
   * time.
   */
  succeeded(now: number, wasDown: boolean): void {
    this.#lastSuccessAt = now;
    if (wasDown) this.#limit.recovered();
    else this.#limit.succeeded();
  }

  /** Called when the breaker has closed without a success: the receiver answered. */
  recovered(): void {
    this.#limit.recovered();
  }

  overloaded(): void {
    this.#limit.overloaded();
  }

  // ---- what may start

  /** Slots that are taken. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Starts nothing until the returned function is called: deliveries that must be sent first are still being queued.
   */
  hold(): () => void {
    this.#holds++;
    let isHolding = true;
    return () => {
      if (isHolding) this.#holds--;
      isHolding = false;
    };
  }

  get #canSend(): boolean {
    return (
      this.isEnabled &&
      this.#refusal === undefined &&
      this.#holds === 0 &&
      !this.isShadow &&
      !this.#isLeaving &&
      !this.#isRetired
    );
  }

  /** The time before which only urgent deliveries start; undefined if there is none. */
  shutUntil(now: number): number | undefined {
    const { pausedUntil, openUntil } = this.#state;
    const shut = Math.max(pausedUntil ?? 0, openUntil ?? 0, this.#unreachable?.until ?? 0);
    return shut > now ? shut : undefined;
  }

  /** The number of slots at this time. */
  slotsAt(now: number): number {
    if (!this.#canSend || this.shutUntil(now) !== undefined) return 0;
    // One probe at a time.
    if (this.isBreakerOpen || this.#unreachable !== undefined) return 1;
    return this.#config.ordered ? 1 : this.#limit.value;
  }

  canStart(now: number): boolean {
    const { queue } = this;
    if (queue.urgentCount > 0) return this.#canSend && this.#inFlight < maxRequests;
    return (
      queue.readyCount > 0 &&
      !queue.mustWaitForEarlier(now) &&
      this.#inFlight < this.slotsAt(now) &&
      (!this.isBreakerOpen || queue.hasProbe())
    );
  }

  /** When to check again if nothing can start now; undefined if only an event can change that. */
  wakeAt(now: number): number | undefined {
    if (!this.#canSend || this.queue.pending === 0) return undefined;
    return this.shutUntil(now) ?? this.queue.nextWaitingAt;
  }

  /** Takes the next delivery and a slot for it. Call it only if `canStart`. */
  startNext(): Taken | undefined {
    const taken = this.queue.takeNext(this.isBreakerOpen);
    if (taken !== undefined) this.#inFlight++;
    return taken;
  }

  released(): void {
    if (this.#inFlight === 0)
      throw new Error('Internal error in a lane: a slot was released that was not taken');
    this.#inFlight--;
  }

  /**
   * The result of a released delivery is about to be written. In an ordered webhook it takes the slot again and returns
   * true: the next delivery starts when this result is on the disk, so that the order survives a crash.
   */
  recording(): boolean {
    if (this.#config.ordered) this.#inFlight++;
    return this.#config.ordered;
  }

  /**
   * The result is on the disk. `nextAttemptAt`: null if the delivery has ended. `keptSlot`: what `recording` returned.
   */
  recorded(id: string, nextAttemptAt: number | null, keptSlot: boolean): void {
    if (keptSlot) this.released();
    this.queue.recorded(id, nextAttemptAt);
    this.#checkIdle();
  }

  /** Nothing was sent, or it does not count: the delivery is as if it had never started. */
  putBack(delivery: DeliveryRow, isEarly: boolean): void {
    this.queue.putBack(delivery, isEarly);
    this.#checkIdle();
  }

  // ---- another owner

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Starts nothing more. Resolves when all that was started is recorded. */
  leave(): Promise<void> {
    this.#isLeaving = true;
    this.stopTimer();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      this.#checkIdle();
    });
  }

  /** Starts nothing more, and forgets everything. */
  retire(): void {
    this.#isRetired = true;
    this.stopTimer();
    this.#whenIdle?.();
  }

  #checkIdle(): void {
    if (this.#whenIdle !== undefined && this.queue.underWay === 0) this.#whenIdle();
  }

  // ---- loading

  /** True if a new delivery may go to memory. If not, it must go to the store only, to keep the order. */
  hasRoomForNew(capacity: number): boolean {
    return this.#holds === 0 && this.queue.hasRoomForNew(capacity);
  }

  /** True if the store has something due and there is room for it. */
  shouldLoad(now: number, capacity: number): boolean {
    const { isLoading, readyCount, nextWaitingAt, freshCount } = this.queue;
    if (isLoading || this.slotsAt(now) === 0) return false;
    if (this.needsProbe(now)) return true;
    if (readyCount > capacity) return false;
    if (nextWaitingAt !== undefined && nextWaitingAt <= now) return true;
    return freshCount > 0 && readyCount <= readAhead(capacity) / 2;
  }

  /** True if a probe is due and memory has nothing to probe with. */
  needsProbe(now: number): boolean {
    const { queue } = this;
    return (
      this.isBreakerOpen &&
      !queue.hasNoProbe &&
      queue.pending > 0 &&
      this.#inFlight === 0 &&
      this.slotsAt(now) > 0 &&
      (!queue.hasProbe() || queue.mustWaitForEarlier(now))
    );
  }

  // ---- the dispatcher's books

  /** True while it is in the dispatcher's list of lanes that may start something. */
  get isInLine(): boolean {
    return this.#isInLine;
  }

  joinedLine(): void {
    this.#isInLine = true;
  }

  leftLine(): void {
    this.#isInLine = false;
  }

  /** Calls `onTime` once, in place of any earlier timer. It does not keep the process alive. */
  setTimer(delayMs: number, onTime: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onTime, delayMs);
    this.#timer.unref();
  }

  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** A refused configuration may have no valid URL; nothing is sent there. */
function toUrl(text: string): URL {
  return URL.canParse(text) ? new URL(text) : new URL('http://refused.invalid/');
}
