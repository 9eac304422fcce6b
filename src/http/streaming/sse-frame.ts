// The wire format of server-sent events (WHATWG HTML §9.2.5): messages and comments as text.

export interface ServerSentEvent {
  /** What a reader sends back as `Last-Event-ID`; left out, the reader keeps the one before. */
  readonly id?: number | string;
  readonly event: string;
  /** Sent as one line of JSON. */
  readonly data: unknown;
}

/** Many a client splits lines where Unicode does (Python's `splitlines`, for one), not only where the standard does. */
const unicodeLineBreaks = /[\u0085\u2028\u2029]/g;

/** Without its name a message goes to `EventSource.onmessage`. `id` and `event` are ours (a number, a name of the catalogue); JSON holds no raw line feed, so `data` is one line. */
export function frameEvent({ id, event, data }: ServerSentEvent, named = true): string {
  const head = id === undefined ? '' : `id: ${id}\n`;
  const name = named ? `event: ${event}\n` : '';
  const json = (JSON.stringify(data) ?? 'null').replace(unicodeLineBreaks, escapeCharacter);
  return `${head}${name}data: ${json}\n\n`;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A line that readers skip: it keeps proxies from closing a quiet connection. */
export function frameComment(text: string): string {
  return `: ${text.replace(/[\r\n]+/g, ' ')}\n\n`;
}
