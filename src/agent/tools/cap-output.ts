// Caps long output: the beginning and the end are kept, with a note between them that says how much is missing.

/** The most bytes of UTF-8 text that a tool returns. */
export const maxOutputBytes = 65_536;

function note(omitted: number): string {
  return `\n[… ${omitted} bytes left out …]\n`;
}

/** The bytes as text, without a partial character at the beginning. */
function tailText(bytes: Buffer): string {
  let start = 0;
  while (start < 3 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString('utf8');
}

/** The text itself if it is short enough, else its head (three quarters of `maxBytes`) and tail. */
export function capText(
  text: string,
  maxBytes = maxOutputBytes,
): { readonly text: string; readonly truncated: boolean } {
  // A UTF-16 unit takes at most three bytes, so short text needs no counting.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return { text, truncated: false };
  const collector = new OutputCollector(maxBytes);
  collector.add(Buffer.from(text));
  return { text: collector.text(), truncated: true };
}

/** Collects a stream of any length in bounded memory. */
export class OutputCollector {
  readonly #headBytes: number;
  readonly #tailBytes: number;
  #head: Buffer[] = [];
  #headLength = 0;
  #tail: Buffer[] = [];
  #tailLength = 0;
  #omitted = 0;

  constructor(maxBytes = maxOutputBytes) {
    this.#headBytes = Math.floor((maxBytes * 3) / 4);
    this.#tailBytes = maxBytes - this.#headBytes;
  }

  get truncated(): boolean {
    return this.#omitted > 0;
  }

  add(chunk: Buffer): void {
    const room = this.#headBytes - this.#headLength;
    const head = chunk.subarray(0, room);
    if (head.length > 0) {
      // Copied, since a small part would keep the whole chunk in memory.
      this.#head.push(Buffer.from(head));
      this.#headLength += head.length;
    }
    if (chunk.length <= room) return;
    const rest = chunk.subarray(Math.max(0, room));
    const kept = rest.subarray(Math.max(0, rest.length - this.#tailBytes));
    this.#omitted += rest.length - kept.length;
    this.#tail.push(Buffer.from(kept));
    this.#tailLength += kept.length;
    while (this.#tailLength > this.#tailBytes) {
      const first = this.#tail[0] as Buffer;
      const excess = Math.min(this.#tailLength - this.#tailBytes, first.length);
      if (excess === first.length) this.#tail.shift();
      else this.#tail[0] = first.subarray(excess);
      this.#tailLength -= excess;
      this.#omitted += excess;
    }
  }

  text(): string {
    if (this.#omitted === 0) return Buffer.concat([...this.#head, ...this.#tail]).toString('utf8');
    // A character that is cut in two is left out.
    const head = new TextDecoder('utf-8').decode(Buffer.concat(this.#head), { stream: true });
    return head + note(this.#omitted) + tailText(Buffer.concat(this.#tail));
  }
}
