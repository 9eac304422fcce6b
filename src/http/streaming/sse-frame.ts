// Formats server-sent events (WHATWG HTML §9.2.5).

/** One message of a stream. */
export interface ServerSentEvent {
  /** The reader sends it back as `Last-Event-ID`. Without it, the reader keeps the previous one. */
  readonly id?: number | string;
  readonly event: string;
  /** Sent as JSON on one line. */
  readonly data: unknown;
}

/** A message whose data is JSON text already. */
export interface JsonMessage extends Omit<ServerSentEvent, 'data'> {
  readonly json: string;
}

/** Some clients also split lines at these characters (Python's `splitlines`), which the standard does not. */
const unicodeLineBreaks = /[\u0085\u2028\u2029]/g;

/** Formats a message. Without a name, `EventSource` passes it to `onmessage`. */
export function frameEvent({ data, ...message }: ServerSentEvent, named = true): string {
  return frameJson({ ...message, json: JSON.stringify(data) ?? 'null' }, named);
}

/**
 * The same for JSON text. Nothing needs escaping: `id` is a number, `event` a name of the catalogue, and JSON contains
 * no raw line feeds.
 */
export function frameJson({ id, event, json }: JsonMessage, named = true): string {
  const head = id === undefined ? '' : `id: ${id}\n`;
  const name = named ? `event: ${event}\n` : '';
  return `${head}${name}data: ${onOneLine(json)}\n\n`;
}

/** Three searches take a tenth of the time of the regular expression, and most texts have none of the characters. */
function onOneLine(json: string): string {
  return json.includes('\u2028') || json.includes('\u2029') || json.includes('\u0085')
    ? json.replace(unicodeLineBreaks, escapeCharacter)
    : json;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Formats a comment. Readers ignore it; it keeps proxies from closing a quiet connection. */
export function frameComment(text: string): string {
  return `: ${text.replace(/[\r\n]+/g, ' ')}\n\n`;
}
