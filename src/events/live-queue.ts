// The bounded queue of a live reader. A reader that falls behind loses queued events, which it reads from the store,
// and the oldest deltas. Adjacent deltas are joined first.

import { isSameSource, withText } from '../base/delta-text.ts';
import type { Delta } from '../contract/event.ts';
import type { StreamItem } from './event-log.ts';

export type EventItem = Extract<StreamItem, { kind: 'event' }>;
export type DeltaItem = Extract<StreamItem, { kind: 'delta' }>;
export type LiveItem = EventItem | DeltaItem;

interface Waiting {
  readonly item: LiveItem;
  /** The sequence of the event; for a delta that of the last event of the reader before it. */
  readonly sequence: number;
  /** The length of its text, in UTF-16 units. */
  readonly size: number;
}

/** The most items. */
const maxItems = 256;
/** The most text, unless a single item exceeds it. */
const maxSize = 1024 * 1024;
/** Deltas of one source are joined up to this length. */
const maxJoinedLength = 16_384;

export class LiveQueue {
  #waiting: Waiting[] = [];
  #size = 0;
  #lastSequence: number;
  #behind = true;
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param tail the end of the log now; deltas come after it */
  constructor(tail: number) {
    this.#lastSequence = tail;
  }

  /** Whether events must be read from the store: at first, and after an overflow. */
  get behind(): boolean {
    return this.#behind;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Queue events from now on. Earlier ones are read from the store. */
  follow(): void {
    this.#behind = false;
  }

  /** Drop the queued events. Deltas stay, because they are not stored. */
  fallBehind(): void {
    this.#behind = true;
    this.#waiting = this.#waiting.filter(({ item }) => item.kind === 'delta');
    this.#size = this.#waiting.reduce((sum, { size }) => sum + size, 0);
    this.#wakeReader();
  }

  /** `item` is shared by all readers. @param size the length of the data as JSON */
  pushEvent(item: EventItem, size: number): void {
    const { sequence } = item.event;
    this.#lastSequence = sequence;
    if (this.#behind || this.#ended) return;
    if (!this.#makeRoom(size)) {
      this.fallBehind();
      return;
    }
    this.#push({ item, sequence, size });
  }

  pushDelta(delta: Delta): void {
    if (this.#ended || this.#join(delta)) return;
    const size = delta.data.text.length;
    // Deltas do not displace events.
    if (!this.#makeRoom(size)) return;
    this.#push({ item: { kind: 'delta', delta }, sequence: this.#lastSequence, size });
  }

  /** Take the oldest item. */
  take(): LiveItem | undefined {
    const first = this.#waiting.shift();
    if (first !== undefined) this.#size -= first.size;
    return first?.item;
  }

  /** Take the next delta before event `sequence`, which was read from the store. Drops queued events up to it. */
  takeDeltaBefore(sequence: number): LiveItem | undefined {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const isDelta = first.item.kind === 'delta';
      if (isDelta ? first.sequence >= sequence : first.sequence > sequence) return undefined;
      this.take();
      if (isDelta) return first.item;
    }
    return undefined;
  }

  /** Resolves when there is an item, when events must be read from the store, or at the end. */
  async wait(): Promise<void> {
    if (this.#waiting.length > 0 || this.#behind || this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#size = 0;
    this.#wakeReader();
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#size += waiting.size;
    this.#wakeReader();
  }

  /** Drop the oldest deltas until there is room. False if events alone fill the queue. */
  #makeRoom(size: number): boolean {
    while (this.#waiting.length > 0 && (this.#waiting.length >= maxItems || this.#size + size > maxSize)) {
      const oldest = this.#waiting.findIndex(({ item }) => item.kind === 'delta');
      if (oldest === -1) return false;
      const [dropped] = this.#waiting.splice(oldest, 1);
      this.#size -= dropped?.size ?? 0;
    }
    return true;
  }

  #join(delta: Delta): boolean {
    const last = this.#waiting.at(-1);
    if (last?.item.kind !== 'delta' || last.sequence !== this.#lastSequence) return false;
    const earlier = last.item.delta;
    const text = earlier.data.text + delta.data.text;
    if (!isSameSource(earlier, delta) || text.length > maxJoinedLength) return false;
    this.#waiting[this.#waiting.length - 1] = {
      ...last,
      item: { kind: 'delta', delta: withText(earlier, text) },
      size: text.length,
    };
    this.#size += text.length - last.size;
    return true;
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
