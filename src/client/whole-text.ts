// `message.delta` is not logged, so a broken connection loses some. `message.assistant`, which is logged at the end of
// a message, has its whole text. The missing part is taken from there, so the deltas that a reader gets always add up
// to that text, without gaps and repetitions.

import type { StreamEvent } from './stream-event.ts';

/** Completes the deltas of one run. */
export class WholeText {
  /** The text of the current message that the reader has. */
  #text = '';
  /** The deltas of the current message may not follow the text that the reader has. */
  #isBroken = false;
  /** A delta came since the break: the message is being written, so the next one begins on this connection. */
  #sawDelta = false;

  /** Call it when the connection has broken. */
  break(): void {
    this.#isBroken = true;
    this.#sawDelta = false;
  }

  /** Returns what the reader gets for an event. */
  complete(event: StreamEvent): readonly StreamEvent[] {
    if (event.type === 'message.delta') {
      this.#sawDelta = true;
      if (this.#isBroken) return [];
      this.#text += event.data.text;
    }
    if (event.type !== 'message.assistant') return [event];
    const { text } = event.data;
    const rest = this.#isBroken && text.startsWith(this.#text) ? text.slice(this.#text.length) : '';
    this.#text = '';
    // Without a delta, the message may be older than the connection, and the next one may have begun before it.
    if (this.#sawDelta) this.#isBroken = false;
    if (rest === '') return [event];
    const { timestamp, sessionId, runId } = event;
    const ids = { timestamp, ...(sessionId && { sessionId }), ...(runId && { runId }) };
    return [{ ...ids, type: 'message.delta', data: { text: rest } }, event];
  }
}
