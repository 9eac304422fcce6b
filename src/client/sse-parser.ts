// Server-sent events out of a byte stream (WHATWG HTML, 9.2.6), whatever way the bytes are cut.

export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Feed it chunks; each call gives the events that have become whole. */
export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #event = '';
  #data: string[] = [];
  #id: string | undefined;

  push(chunk: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    // A CR at the very end may be the first half of CRLF: it waits for the next chunk.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.#take(line);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  #take(line: string): ServerSentEvent | undefined {
    if (line === '') {
      const { data } = this;
      const event = { id: this.#id, event: this.#event || 'message', data };
      const isEmpty = this.#data.length === 0;
      this.#event = '';
      this.#data = [];
      this.#id = undefined;
      return isEmpty ? undefined : event;
    }
    if (line.startsWith(':')) return undefined;
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  private get data(): string {
    return this.#data.join('\n');
  }
}
