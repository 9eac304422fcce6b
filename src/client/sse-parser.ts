// Parses server-sent events from a stream of bytes (WHATWG HTML §9.2.6), however the bytes are split into chunks.

import { createParser, type EventSourceParser } from 'eventsource-parser';

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
  readonly #parser: EventSourceParser;
  #complete: ServerSentEvent[] = [];

  constructor() {
    this.#parser = createParser({
      onEvent: ({ id, event = 'message', data }) => this.#complete.push({ id, event, data }),
    });
  }

  /** Adds a chunk and returns the messages that it completes. */
  push(chunk: Uint8Array): readonly ServerSentEvent[] {
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
    const complete = this.#complete;
    this.#complete = [];
    return complete;
  }
}
