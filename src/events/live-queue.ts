// What waits for one live reader, in the order it happened. It is bounded: a reader that falls behind loses queued events (it reads
// them from the store again, none is lost), and the oldest deltas (text that follows each other is joined first, to keep them few).

import type { Delta, LoggedEvent } from '../contract/event.ts';

export type LiveItem =
  | { readonly kind: 'event'; readonly event: LoggedEvent }
  | { readonly kind: 'delta'; readonly delta: Delta };

interface Waiting {
  readonly item: LiveItem;
  /** An event's own sequence; for a delta that of the reader's last event before it. */
  readonly sequence: number;
  /** Text it holds, in UTF-16 units. */
  readonly size: number;
}

/** Items that wait at most. */
const maxItems = 256;
/** Text that waits at most, unless a single item exceeds it. */
const maxSize = 1024 * 1024;
/** Up to this length deltas of one source are joined into one. */
const maxJoinedLength = 16_384;

export class LiveQueue {
  #waiting: Waiting[] = [];
  #size = 0;
  #lastSequence: number;
  #behind = true;
  #ended = false;
  #wake: (() => void) | undefined;

  /** `tail`: the end of the log now; deltas belong after it. */
  constructor(tail: number) {
    this.#lastSequence = tail;
  }

  /** Events are not queued now; they are to be read from the store. So at first, and after an overrun. */
  get behind(): boolean {
    return this.#behind;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** From here on events are queued; what was committed before is for the reader to find in the store. */
  follow(): void {
    this.#behind = false;
  }

  /** Gives the queued events up. Deltas stay: they are nowhere else. */
  fallBehind(): void {
    this.#behind = true;
    this.#waiting = this.#waiting.filter(({ item }) => item.kind === 'delta');
    this.#size = this.#waiting.reduce((sum, { size }) => sum + size, 0);
    this.#wakeReader();
  }

  /** `size`: the length of its data as JSON. */
  pushEvent(event: LoggedEvent, size: number): void {
    this.#lastSequence = event.sequence;
    if (this.#behind || this.#ended) return;
    if (!this.#makeRoom(size)) {
      this.fallBehind();
      return;
    }
    this.#push({ item: { kind: 'event', event }, sequence: event.sequence, size });
  }

  pushDelta(delta: Delta): void {
    if (this.#ended || this.#join(delta)) return;
    const size = delta.data.text.length;
    // Deltas never push events out.
    if (!this.#makeRoom(size)) return;
    this.#push({ item: { kind: 'delta', delta }, sequence: this.#lastSequence, size });
  }

  /** The oldest item. */
  take(): LiveItem | undefined {
    const first = this.#waiting.shift();
    if (first !== undefined) this.#size -= first.size;
    return first?.item;
  }

  /** The next delta that happened before event `sequence`, which the reader has from the store; drops queued events up to it. */
  takeDeltaBefore(sequence: number): LiveItem | undefined {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const isDelta = first.item.kind === 'delta';
      if (isDelta ? first.sequence >= sequence : first.sequence > sequence) return undefined;
      this.take();
      if (isDelta) return first.item;
    }
    return undefined;
  }

  /** Resolves when there is something to take or to read, or at the end. */
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

  /** Drops the oldest deltas until there is room; false if only events are left and fill it. */
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
    if (!sameSource(earlier, delta) || text.length > maxJoinedLength) return false;
    const joined = { ...earlier, data: { ...earlier.data, text } } as Delta;
    this.#waiting[this.#waiting.length - 1] = {
      ...last,
      item: { kind: 'delta', delta: joined },
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

function sameSource(left: Delta, right: Delta): boolean {
  if (left.type !== right.type || left.runId !== right.runId || left.sessionId !== right.sessionId)
    return false;
  if (!('callId' in left.data) || !('callId' in right.data)) return true;
  return left.data.callId === right.data.callId && left.data.stream === right.data.stream;
}
