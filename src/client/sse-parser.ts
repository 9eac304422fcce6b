// Parses server-sent events from a stream of bytes (WHATWG HTML §9.2.6), however the bytes are split into chunks. Own
// code: eventsource-parser would take a sixth of the 8 KB that the client may take of a page.

/** One message of a stream. */
export interface ServerSentEvent {
  /** Undefined if the message itself has no `id`. */
  readonly id: string | undefined;
  /** `message` if the message has no name. */
  readonly event: string;
  readonly data: string;
}

/** Parses one stream. Never throws: unknown fields are ignored, as the standard requires. */
export class SseParser {
  readonly #decoder = new TextDecoder();
  /** The beginning of a line whose end has not come yet. */
  #line = '';
  /** The last chunk ended with CR, so LF at the start of the next one belongs to it. */
  #isAfterReturn = false;
  #id: string | undefined;
  #event: string | undefined;
  #data: string | undefined;

  /** Adds a chunk and returns the messages that it completes. */
  push(chunk: Uint8Array): readonly ServerSentEvent[] {
    const complete: ServerSentEvent[] = [];
    const text = this.#decoder.decode(chunk, { stream: true });
    if (text === '') return complete;
    let start = this.#isAfterReturn && text.startsWith('\n') ? 1 : 0;
    this.#isAfterReturn = text.endsWith('\r');
    for (const { 0: ending, index } of text.matchAll(/\r\n|\r|\n/g)) {
      // This LF belongs to the CR of the last chunk.
      if (index < start) continue;
      this.#take(this.#line + text.slice(start, index), complete);
      this.#line = '';
      start = index + ending.length;
    }
    this.#line += text.slice(start);
    return complete;
  }

  #take(line: string, complete: ServerSentEvent[]): void {
    if (line === '') {
      if (this.#data !== undefined)
        complete.push({ id: this.#id, event: this.#event || 'message', data: this.#data });
      this.#id = this.#event = this.#data = undefined;
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
  }
}
