// Server-sent events out of a byte stream (WHATWG HTML, 9.2.6), whatever way the bytes are cut.

export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Feed it chunks; each call gives the events that have become whole. */
export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest: string[] = [];
  #endedWithCr = false;
  #event = '';
  #data: string[] = [];
  #id: string | undefined;

  push(chunk: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    // A CR at the very end may be the first half of CRLF: it waits for the next chunk.
    const text = (this.#endedWithCr ? '\r' : '') + this.#decoder.decode(chunk, { stream: true });
    this.#endedWithCr = text.endsWith('\r');
    const lines = (this.#endedWithCr ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
    // Only the new chunk is searched: a long line that comes in many chunks is joined once.
    this.#rest.push(lines[0] as string);
    if (lines.length === 1) return events;
    lines[0] = this.#rest.join('');
    this.#rest = [lines.pop() as string];
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
