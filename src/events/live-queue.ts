// What waits for one live reader. It is bounded: a reader that falls behind loses the queue, not events (they are read from the store
// again), and deltas that follow each other are joined, so fast text does not fill it.

import type { Delta, LoggedEvent } from './event-log.ts';

export type LiveItem =
  | { readonly kind: 'event'; readonly event: LoggedEvent }
  | { readonly kind: 'delta'; readonly delta: Delta };

const maxItems = 256;
const maxJoinedLength = 16_384;

export class LiveQueue {
  #items: LiveItem[] = [];
  #overrun = false;
  #wake: (() => void) | undefined;

  push(item: LiveItem): void {
    if (item.kind === 'delta' && this.#join(item.delta)) return;
    if (this.#items.length >= maxItems) {
      this.#items = [];
      this.#overrun = true;
    }
    this.#items.push(item);
    this.wake();
  }

  /** Takes all that waits. `overrun`: something was dropped, read the log from the last event seen. */
  take(): { readonly items: readonly LiveItem[]; readonly overrun: boolean } {
    const taken = { items: this.#items, overrun: this.#overrun };
    this.#items = [];
    this.#overrun = false;
    return taken;
  }

  /** Resolves when there is something to take, or on `wake()`. */
  async wait(): Promise<void> {
    if (this.#items.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #join(delta: Delta): boolean {
    const last = this.#items.at(-1);
    if (last?.kind !== 'delta' || !sameSource(last.delta, delta)) return false;
    const text = last.delta.data.text + delta.data.text;
    if (text.length > maxJoinedLength) return false;
    this.#items[this.#items.length - 1] = {
      kind: 'delta',
      delta: { ...last.delta, data: { ...last.delta.data, text } } as Delta,
    };
    return true;
  }
}

function sameSource(left: Delta, right: Delta): boolean {
  if (left.type !== right.type || left.runId !== right.runId || left.sessionId !== right.sessionId)
    return false;
  if (!('callId' in left.data) || !('callId' in right.data)) return true;
  return left.data.callId === right.data.callId && left.data.stream === right.data.stream;
}
