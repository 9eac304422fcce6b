// One webhook's queue: a short piece of it in memory, the rest in the store. The lane knows what may start now and, if nothing may, when
// to look again; the dispatcher starts it.

import { createRedactor, type Redactor } from '../base/redaction.ts';
import type { DeliveryRow } from '../store/delivery-store.ts';
import { secretValues } from './header-rules.ts';
import type { SavedState } from './saved-state.ts';
import { createSequenceQueue, type SequenceQueue } from './sequence-queue.ts';
import { createSigner, type Signer } from './signing.ts';
import type { WebhookConfig } from './webhook-config.ts';

/** Deliveries that all lanes may hold in memory together, and one alone; they are small, payloads are elsewhere. */
const allLanesCapacity = 32_768;
const mostInLane = 256;
const leastInLane = 16;

/** How many deliveries a lane may hold in memory when there are so many lanes. */
export function laneCapacity(lanes: number): number {
  return Math.min(Math.max(Math.floor(allLanesCapacity / Math.max(lanes, 1)), leastInLane), mostInLane);
}

const mostAtOnce = 8;
const firstBlockMs = 1000;
const longestBlockMs = 60_000;

/** This machine cannot reach a target. Times in Unix ms of the delivery clock. */
export interface Blocked {
  readonly since: number;
  readonly reason: string;
  /** In words. */
  readonly message: string;
  /** How often in a row it was tried. */
  readonly level: number;
  /** When it is tried again. */
  readonly until: number;
}

/** What starts next. */
export interface Taken {
  readonly delivery: DeliveryRow;
  /** Someone asked for it. */
  readonly isUrgent: boolean;
}

export class Lane {
  readonly id: string;
  /** Set if the webhook belongs to one run. */
  readonly runId: string | undefined;
  config: WebhookConfig;
  url: URL;
  state: SavedState;
  /** Due now, in the order in which they start. */
  readonly ready: DeliveryRow[] = [];
  /** Someone asked to send these now: neither breaker nor pause holds them back. */
  readonly urgent: DeliveryRow[] = [];
  /** Id and sequence of what is in `ready` or `urgent`, under way, or done and not recorded yet. */
  readonly known = new Map<string, number>();
  /** Events whose fresh delivery is in the store only, in the order in which they come. */
  readonly fresh: SequenceQueue = createSequenceQueue();
  inFlight = 0;
  /** How many at once: halved by an overloaded receiver, 1, 2, 4, 8 after it was down. */
  limit = mostAtOnce;
  private isRecovering = false;
  private isUnsorted = false;
  /** When the next tried delivery that is not in memory is due. */
  nextWaitingAt: number | undefined;
  /** Not ended, in the store. */
  pending = 0;
  lastSuccessAt: number | undefined;
  /** Why this machine cannot reach the target; not kept, since a start tries again. */
  blocked: Blocked | undefined;
  /** The breaker is open, and nothing that waits is fit to probe with: the receiver refused it all. */
  hasNoProbe = false;
  isLoading = false;
  /** Why the webhook cannot be used now; its deliveries wait. */
  refusal: string | undefined;
  private holds = 0;
  /** Its run has ended: it goes when its deliveries have. */
  isRunEnded = false;
  /** In the dispatcher's line of lanes that may start something. */
  isQueued = false;
  timer: NodeJS.Timeout | undefined;
  private signer: Signer | undefined;
  private signerUntil = Number.POSITIVE_INFINITY;
  private redactorNow: Redactor | undefined;

  constructor(config: WebhookConfig, state: SavedState, runId?: string, refusal?: string) {
    this.id = config.id;
    this.runId = runId;
    this.config = config;
    this.refusal = refusal;
    this.url = toUrl(config.url);
    this.state = state;
  }

  get isOpen(): boolean {
    return this.state.openUntil !== null;
  }

  get isEnabled(): boolean {
    return this.config.enabled && this.state.disabledAt === null;
  }

  configure(config: WebhookConfig, refusal?: string): void {
    const becomesOrdered = config.ordered && !this.config.ordered;
    this.config = config;
    this.refusal = refusal;
    this.url = toUrl(config.url);
    this.signer = undefined;
    this.redactorNow = undefined;
    // What was queued while the order did not matter is put in order.
    if (becomesOrdered) this.enqueue([]);
  }

  /** Nothing starts until the returned function is called: what must come first is being queued. */
  hold(): () => void {
    this.holds++;
    let isHolding = true;
    return () => {
      if (isHolding) this.holds--;
      isHolding = false;
    };
  }

  get isHeld(): boolean {
    return this.holds > 0;
  }

  setState(state: SavedState): void {
    if (state.previousSecrets !== this.state.previousSecrets || state.swapLegacy !== this.state.swapLegacy)
      this.signer = undefined;
    this.state = state;
  }

  /** Knows the secret and the header values of this webhook. */
  get redactor(): Redactor {
    const { secret, headers } = this.config;
    this.redactorNow ??= createRedactor([
      ...(secret === undefined ? [] : [secret]),
      ...secretValues(headers),
    ]);
    return this.redactorNow;
  }

  /** Made when it is needed, and again when an old secret's time is over. */
  signerAt(wall: number): Signer {
    if (this.signer === undefined || wall >= this.signerUntil) {
      const valid = this.state.previousSecrets.filter(({ until }) => until > wall);
      this.signerUntil = Math.min(Number.POSITIVE_INFINITY, ...valid.map(({ until }) => until));
      const { secret, legacySignature } = this.config;
      this.signer = createSigner({
        ...(secret === undefined ? {} : { secret }),
        previous: valid.map((old) => old.secret),
        legacySignature,
        swapLegacy: this.state.swapLegacy && valid.length > 0,
      });
    }
    return this.signer;
  }

  private get canSend(): boolean {
    return this.isEnabled && this.refusal === undefined && !this.isHeld;
  }

  /** How many requests may be under way at this time. */
  allowedAt(now: number): number {
    if (!this.canSend || this.shutUntil(now) !== undefined) return 0;
    // Half open: one probe at a time.
    if (this.isOpen || this.blocked !== undefined) return 1;
    return this.config.ordered ? 1 : this.limit;
  }

  /** The time before which nothing starts but what someone asked for; undefined if something may start now. */
  shutUntil(now: number): number | undefined {
    const { pausedUntil, openUntil } = this.state;
    const shut = Math.max(pausedUntil ?? 0, openUntil ?? 0, this.blocked?.until ?? 0);
    return shut > now ? shut : undefined;
  }

  /** True if a delivery in memory may start. */
  canStart(now: number): boolean {
    if (this.urgent.length > 0) return this.canSend && this.inFlight < mostAtOnce;
    return (
      this.ready.length > 0 &&
      !this.isBlocked(now) &&
      this.inFlight < this.allowedAt(now) &&
      (!this.isOpen || this.bestProbe() !== undefined)
    );
  }

  /** Takes what starts next; only if `canStart`. */
  takeNext(): Taken | undefined {
    const urgent = this.urgent.shift();
    if (urgent !== undefined) return { delivery: urgent, isUrgent: true };
    const index = this.isOpen ? this.bestProbe() : 0;
    const delivery = index === undefined ? undefined : this.ready.splice(index, 1)[0];
    return delivery === undefined ? undefined : { delivery, isUrgent: false };
  }

  /** True if the store has something due and there is room for it. */
  shouldLoad(now: number, capacity: number): boolean {
    if (this.isLoading || this.allowedAt(now) === 0) return false;
    if (this.needsProbe(now)) return true;
    if (this.ready.length > capacity) return false;
    if (this.nextWaitingAt !== undefined && this.nextWaitingAt <= now) return true;
    return this.fresh.length > 0 && this.ready.length <= capacity / 2;
  }

  /** True if a probe is due and memory holds nothing to probe with. */
  needsProbe(now: number): boolean {
    return (
      this.isOpen &&
      !this.hasNoProbe &&
      this.pending > 0 &&
      this.inFlight === 0 &&
      this.allowedAt(now) > 0 &&
      (this.bestProbe() === undefined || this.isBlocked(now))
    );
  }

  /** When to look again if nothing can be done now; undefined if only an event can change that. */
  wakeAt(now: number): number | undefined {
    if (!this.canSend || this.pending === 0) return undefined;
    return this.shutUntil(now) ?? this.nextWaitingAt;
  }

  /** This machine cannot reach the target: the next request is not made before a while, longer each time. */
  block(reason: string, message: string, now: number, random: number): void {
    const { since = now, level = 0, until = 0 } = this.blocked ?? {};
    // Requests that were in flight together met the same fault.
    if (this.blocked?.reason === reason && until > now) return;
    const wait = Math.min(firstBlockMs * 2 ** level, longestBlockMs) * (0.8 + 0.4 * random);
    this.blocked = {
      since,
      reason,
      message,
      level: Math.min(level + 1, 10),
      until: now + Math.round(Math.min(wait, longestBlockMs)),
    };
  }

  /** After a success: toward the full number. `wasDown`: the breaker was open. */
  speedUp(wasDown: boolean): void {
    if (wasDown) {
      this.limit = 1;
      this.isRecovering = true;
    } else this.limit = Math.min(this.isRecovering ? this.limit * 2 : this.limit + 1, mostAtOnce);
  }

  /** The receiver is overloaded. */
  slowDown(): void {
    this.limit = Math.max(Math.floor(this.limit / 2), 1);
    this.isRecovering = false;
  }

  /** Leaves what is in memory to the store, to be read again in its order. */
  unload(): void {
    const rows = [...this.urgent, ...this.ready];
    this.fresh.unshift(rows.filter((row) => row.nextAttemptAt === null).map(({ sequence }) => sequence));
    for (const { id, nextAttemptAt } of rows) {
      this.known.delete(id);
      if (nextAttemptAt !== null) this.waitsUntil(nextAttemptAt);
    }
    this.urgent.length = 0;
    this.ready.length = 0;
  }

  /** A tried delivery waits in the store. */
  waitsUntil(time: number): void {
    this.nextWaitingAt = Math.min(this.nextWaitingAt ?? time, time);
  }

  /** Events of the past are to be sent, again or at last. */
  enqueue(sequences: readonly number[]): void {
    for (const sequence of sequences) this.fresh.push(sequence);
    this.hasNoProbe = false;
    if (!this.config.ordered) return;
    this.unload();
    this.isUnsorted = true;
  }

  /** Takes up to `max` events from the store's part of the queue. */
  takeFresh(max: number): number[] {
    if (this.isUnsorted) this.fresh.sort();
    this.isUnsorted = false;
    return this.fresh.take(max);
  }

  /**
   * Where in `ready` the best delivery to probe with is: never one that the receiver refused already, and rather one that it never answered. If
   * nothing else waits at all, the first.
   */
  private bestProbe(): number | undefined {
    if (this.ready.length === 0) return undefined;
    // Its order leaves no choice.
    if (this.config.ordered) return 0;
    const untouched = this.ready.findIndex(({ answered }) => answered === 'nothing');
    if (untouched !== -1) return untouched;
    // The store may have a better one, which is looked for first.
    if (this.isLoading || (this.fresh.length > 0 && this.ready.length <= 2 * mostInLane)) return undefined;
    const failed = this.ready.findIndex(({ answered }) => answered === 'error');
    if (failed !== -1) return failed;
    return this.hasNoProbe ? 0 : undefined;
  }

  /** Ordered: a tried delivery that waits in the store comes before all others. */
  private isBlocked(now: number): boolean {
    return (
      this.config.ordered &&
      this.nextWaitingAt !== undefined &&
      (this.nextWaitingAt > now || !this.isHeadTried())
    );
  }

  private isHeadTried(): boolean {
    return (this.ready[0]?.tries ?? 0) > 0;
  }
}

/** The URL of a webhook that is refused may be none; nothing is sent there. */
function toUrl(text: string): URL {
  return URL.canParse(text) ? new URL(text) : new URL('http://refused.invalid/');
}
