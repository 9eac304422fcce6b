// The wire format of server-sent events (WHATWG HTML §9.2.5): messages and comments as text.

export interface ServerSentEvent {
  /** What a reader sends back as `Last-Event-ID`; left out, the reader keeps the one before. */
  readonly id?: number | string;
  readonly event: string;
  /** Sent as one line of JSON. */
  readonly data: unknown;
}

/** `id` and `event` are ours (a number, a name of the catalogue); JSON never holds a raw line feed, so `data` is one line. */
export function frameEvent({ id, event, data }: ServerSentEvent): string {
  const head = id === undefined ? '' : `id: ${id}\n`;
  return `${head}event: ${event}\ndata: ${JSON.stringify(data) ?? 'null'}\n\n`;
}

/** A line that readers skip: it keeps proxies from closing a quiet connection. */
export function frameComment(text: string): string {
  return `: ${text.replace(/[\r\n]+/g, ' ')}\n\n`;
}
