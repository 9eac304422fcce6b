// The pending deliveries of one webhook: a short piece of the queue in memory, the rest in the store. Only these verbs
// change it.
//
// A pending delivery is in one of these stages:
//
//   fresh      in the store only, never tried or asked for again; the queue keeps the sequence number of its event
//   waiting    in the store only, tried; the queue keeps the time when the first one is due
//   ready      in memory and due; starts in order
//   urgent     in memory; a user asked to send it now, regardless of the breaker and of pauses
//   sending    its request is under way
//   recording  its request has ended; the result is not on the disk yet
//
// and moves between them by these verbs:
//
//   new event          -> ready           added          (memory has room, and nothing before it is in the store only)
//   new event          -> fresh           addedToStore
//   found at a start   -> fresh, waiting  addedToStore, foundWaiting
//   replay, or `ended` -> fresh           requeued       (a user asked for it)
//   fresh              -> ready           takeFresh, then loadedFresh, or returnedFresh if the store failed
//   waiting            -> ready           loadedWaiting  (it is due), loadedProbe (it is not due, but fit to probe with)
//   waiting            -> fresh           freshened      (a user asked to resume the webhook, or to retry the delivery)
//   ready, fresh       -> urgent          madeUrgent
//   ready, urgent      -> sending         takeNext
//   sending            -> ready, waiting  putBack        (nothing was sent: as if it had never started)
//   sending            -> recording       (Lane.released, Lane.recording)
//   recording          -> waiting, ended  recorded
//   ready, urgent      -> fresh, waiting  unload
//   fresh, waiting     -> ended           expired; takeAll when the webhook is removed

import type { DeliveryRow } from '../store/delivery-store.ts';
import { createSequenceQueue } from './sequence-queue.ts';
import { createStoreReads, type StoreRead } from './store-reads.ts';

/** Deliveries in memory: of all lanes together, and of one lane. They are small; payloads are elsewhere. */
const allLanesCapacity = 32_768;
const maxCapacity = 256;
const minCapacity = 16;
/** Of one lane, if the store is another process: a read costs a round trip, so a burst stays in memory. */
const maxSharedCapacity = 1024;

/** Limit of deliveries in memory for each of `lanes` lanes. `isShared`: several nodes share the store. */
export function laneCapacity(lanes: number, isShared: boolean): number {
  const most = isShared ? maxSharedCapacity : maxCapacity;
  return Math.min(Math.max(Math.floor(allLanesCapacity / Math.max(lanes, 1)), minCapacity), most);
}

/**
 * How many deliveries of a lane are read from the store in advance. Fewer than fit: a row that is read long before it is
 * sent outlives V8's young generation.
 */
export function readAhead(capacity: number): number {
  return Math.min(capacity, Math.max(64, capacity / 4));
}

/** A delivery that is about to start. */
export interface Taken {
  readonly delivery: DeliveryRow;
  /** A user asked to send it now. */
  readonly isUrgent: boolean;
}

export class DeliveryQueue {
  #isOrdered: boolean;
  readonly #fresh = createSequenceQueue();
  /**
   * The fresh deliveries of an ordered queue must be sorted before the next one is taken. Those that are being loaded may
   * come after them.
   */
  #isUnsorted = false;
  #nextWaitingAt: number | undefined;
  readonly #ready: DeliveryRow[] = [];
  readonly #urgent: DeliveryRow[] = [];
  /** Sequence by id of every delivery that is ready, urgent, sending or recording. */
  readonly #known = new Map<string, number>();
  readonly #reads = createStoreReads();
  #pending = 0;
  /** Set while it is being loaded. */
  #load: StoreRead | undefined;
  #hasNoProbe = false;

  /** `isOrdered`: one at a time, by sequence. */
  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered;
  }

  setOrdered(isOrdered: boolean): void {
    const becomesOrdered = isOrdered && !this.#isOrdered;
    this.#isOrdered = isOrdered;
    if (becomesOrdered) this.sort();
  }

  // ---- what is in it

  /** Deliveries that have not ended, in memory or in the store. */
  get pending(): number {
    return this.#pending;
  }

  get readyCount(): number {
    return this.#ready.length;
  }

  get freshCount(): number {
    return this.#fresh.length;
  }

  get urgentCount(): number {
    return this.#urgent.length;
  }

  /** The number of deliveries that are ready, urgent, sending or recording. */
  get knownCount(): number {
    return this.#known.size;
  }

  /** The number of deliveries that are sending or recording. */
  get underWay(): number {
    return this.#known.size - this.#ready.length - this.#urgent.length;
  }

  /** When the first waiting delivery is due; undefined if none waits. */
  get nextWaitingAt(): number | undefined {
    return this.#nextWaitingAt;
  }

  get isLoading(): boolean {
    return this.#load !== undefined;
  }

  /** True if the receiver has refused everything that could be sent as a probe. */
  get hasNoProbe(): boolean {
    return this.#hasNoProbe;
  }

  /** True if the delivery is ready, urgent, sending or recording. */
  knows(id: string): boolean {
    return this.#known.has(id);
  }

  isUrgent(id: string): boolean {
    return this.#urgent.some((delivery) => delivery.id === id);
  }

  /** True if the delivery is ready or urgent. */
  isInLine(id: string): boolean {
    return this.isUrgent(id) || this.#ready.some((delivery) => delivery.id === id);
  }

  /** True if a ready delivery that the receiver answered with an error could be a probe. */
  get hasFailed(): boolean {
    return this.#ready.some(({ answered }) => answered === 'error');
  }

  /** True if a tried delivery of an ordered queue is in the store, and so comes before all that are ready. */
  mustWaitForEarlier(now: number): boolean {
    return (
      this.#isOrdered &&
      this.#nextWaitingAt !== undefined &&
      (this.#nextWaitingAt > now || (this.#ready[0]?.tries ?? 0) === 0)
    );
  }

  /** True if a new delivery may go to `ready`. If not, it must go to the store only, to keep the order. */
  hasRoomForNew(capacity: number): boolean {
    return this.#fresh.length === 0 && !this.isLoading && this.#ready.length < capacity;
  }

  // ---- new and requeued deliveries

  added(delivery: DeliveryRow): void {
    this.#pending++;
    this.#hasNoProbe = false;
    this.#known.set(delivery.id, delivery.sequence);
    this.#ready.push(delivery);
  }

  addedToStore(sequence: number): void {
    this.#pending++;
    this.#hasNoProbe = false;
    this.#fresh.push(sequence);
  }

  foundWaiting(count: number, nextAttemptAt: number | undefined): void {
    this.#pending += count;
    if (nextAttemptAt !== undefined) this.#waitsUntil(nextAttemptAt);
  }

  requeued(sequences: readonly number[]): void {
    this.#pending += sequences.length;
    this.freshened(sequences);
  }

  freshened(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#fresh.push(sequence);
    this.#hasNoProbe = false;
    this.sort();
  }

  /**
   * When the first of those that still wait is due; undefined if none waits. `read`: the read of the store that found
   * it, which misses deliveries that have begun to wait since.
   */
  setNextWaiting(time: number | undefined, read = this.#load): void {
    this.#nextWaitingAt = time;
    if (read?.firstDueAt !== undefined) this.#waitsUntil(read.firstDueAt);
  }

  /** Call it before deliveries are read from the store, and `end` after they have been used. */
  startRead(): StoreRead {
    return this.#reads.start();
  }

  /** Deliveries that wait in the store were made due at this time. */
  hastened(time: number): void {
    this.#waitsUntil(time);
  }

  /** Put an ordered queue in order after deliveries were queued out of order. */
  sort(): void {
    if (!this.#isOrdered) return;
    this.unload();
    this.#isUnsorted = true;
  }

  /** Returns false if the delivery is urgent already, or under way. */
  madeUrgent(delivery: DeliveryRow): boolean {
    if (this.isUrgent(delivery.id)) return false;
    const index = this.#ready.findIndex(({ id }) => id === delivery.id);
    if (index !== -1) this.#ready.splice(index, 1);
    else if (this.#known.has(delivery.id)) return false;
    this.#known.set(delivery.id, delivery.sequence);
    this.#urgent.push(delivery);
    return true;
  }

  // ---- sending

  /** `forProbe`: the breaker is open, so the delivery that is best to probe with is taken. */
  takeNext(forProbe: boolean): Taken | undefined {
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return { delivery: urgent, isUrgent: true };
    const index = forProbe ? this.#bestProbe() : 0;
    if (index === undefined) return undefined;
    const delivery = index === 0 ? this.#ready.shift() : this.#ready.splice(index, 1)[0];
    return delivery === undefined ? undefined : { delivery, isUrgent: false };
  }

  /** `isEarly`: it was taken before it was due, so it waits again. */
  putBack(delivery: DeliveryRow, isEarly: boolean): void {
    const { id, nextAttemptAt } = delivery;
    const wasTaken = this.#known.has(id) && !this.isInLine(id);
    if (isEarly && nextAttemptAt !== null) {
      this.#forget(id);
      this.#waitsUntil(nextAttemptAt);
    } else this.#ready.unshift(delivery);
    check(wasTaken, `delivery ${id} was put back, but not under way`);
  }

  /** `nextAttemptAt`: null if the delivery has ended. */
  recorded(id: string, nextAttemptAt: number | null): void {
    const wasKnown = this.#forget(id);
    if (nextAttemptAt === null) this.#pending--;
    else {
      this.#waitsUntil(nextAttemptAt);
      if (this.#isOrdered) this.unload();
    }
    check(wasKnown, `delivery ${id} was recorded, but not under way`);
  }

  expired(count: number): void {
    this.#pending -= count;
  }

  /** Takes everything pending except waiting deliveries; returns the sequences. */
  takeAll(): readonly number[] {
    return [...this.#fresh.take(this.#fresh.length), ...this.#known.values()];
  }

  // ---- loading and unloading

  loadingStarted(): void {
    check(this.#load === undefined, 'a queue was loaded twice at once');
    this.#load = this.startRead();
  }

  loadingEnded(): void {
    this.#load?.end();
    this.#load = undefined;
  }

  /** Takes up to `max` fresh deliveries, to be loaded. */
  takeFresh(max: number): readonly number[] {
    if (this.#isUnsorted) this.#fresh.sort();
    this.#isUnsorted = false;
    return this.#fresh.take(max);
  }

  returnedFresh(sequences: readonly number[]): void {
    if (sequences.length === 0) return;
    this.#fresh.unshift(sequences);
    // Earlier ones may have gone back to the store since they were taken.
    this.sort();
  }

  loadedFresh(given: readonly DeliveryRow[]): void {
    const rows = given.filter((row) => this.#isNew(row));
    if (this.#isUnsorted) {
      this.#fresh.unshift(rows.map(({ sequence }) => sequence));
      return;
    }
    for (const row of rows) {
      this.#known.set(row.id, row.sequence);
      this.#ready.push(row);
    }
  }

  loadedWaiting(rows: readonly DeliveryRow[]): void {
    const added = rows.filter((row) => this.#isNew(row));
    for (const { id, sequence } of added) this.#known.set(id, sequence);
    this.#ready.unshift(...added);
  }

  /** `row`: undefined if the store has nothing fit to probe with. */
  loadedProbe(row: DeliveryRow | undefined): void {
    if (row === undefined) {
      this.#hasNoProbe = true;
      return;
    }
    if (!this.#isNew(row)) return;
    this.#known.set(row.id, row.sequence);
    this.#ready.unshift(row);
    if (this.#isOrdered) this.setNextWaiting(undefined);
  }

  /** Called when the breaker has closed: everything may be used as a probe again. */
  probingEnded(): void {
    this.#hasNoProbe = false;
  }

  /** Moves ready and urgent deliveries back to the store, to be loaded again in order. */
  unload(): void {
    // They come before those that are being loaded.
    if (this.#isOrdered && this.isLoading) this.#isUnsorted = true;
    const rows = [...this.#urgent, ...this.#ready];
    this.#fresh.unshift(rows.filter((row) => row.nextAttemptAt === null).map(({ sequence }) => sequence));
    for (const { id, nextAttemptAt } of rows) {
      this.#forget(id);
      if (nextAttemptAt !== null) this.#waitsUntil(nextAttemptAt);
    }
    this.#urgent.length = 0;
    this.#ready.length = 0;
  }

  // ---- probes

  hasProbe(): boolean {
    return this.#bestProbe() !== undefined;
  }

  /**
   * The index in `ready` of the best delivery to probe with: one that the receiver never answered, else one that it
   * answered with an error. One that it refused is used only if there is no other.
   */
  #bestProbe(): number | undefined {
    if (this.#ready.length === 0) return undefined;
    // The order leaves no choice.
    if (this.#isOrdered) return 0;
    const untouched = this.#ready.findIndex(({ answered }) => answered === 'nothing');
    if (untouched !== -1) return untouched;
    // The store may have a better one: wait until it is loaded.
    if (this.isLoading || (this.#fresh.length > 0 && this.#ready.length <= 2 * maxCapacity)) return undefined;
    const failed = this.#ready.findIndex(({ answered }) => answered === 'error');
    if (failed !== -1) return failed;
    return this.#hasNoProbe ? 0 : undefined;
  }

  /** It is not in memory, and was not since the loading began. */
  #isNew({ id }: DeliveryRow): boolean {
    return !this.#known.has(id) && this.#load?.hasLeft(id) !== true;
  }

  /** It leaves memory. Returns false if it was not there. */
  #forget(id: string): boolean {
    this.#reads.left(id);
    return this.#known.delete(id);
  }

  #waitsUntil(time: number): void {
    this.#reads.waitsUntil(time);
    this.#nextWaitingAt = Math.min(this.#nextWaitingAt ?? time, time);
  }
}

/** @throws Error if the state of a queue is inconsistent, which is a bug in this module */
function check(isTrue: boolean, message: string): void {
  if (!isTrue) throw new Error(`Internal error in a webhook's queue: ${message}`);
}
