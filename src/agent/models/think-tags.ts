// Separates reasoning that a model writes into its text as `<think>…</think>` before the answer. A piece of the stream
// may end inside a tag.

const open = '<think>';
const close = '</think>';

export class ThinkTags {
  /** `start`: only white space has arrived. */
  #state: 'start' | 'thinking' | 'done' = 'start';
  /** The possible start of a tag. */
  #held = '';

  /** True if the next piece must be passed to `take`, even if it contains no tag. */
  get isOpen(): boolean {
    return this.#state === 'thinking' || this.#held !== '';
  }

  /** Text without a tag has arrived: the answer has begun. */
  skip(): void {
    this.#state = 'done';
  }

  /** Takes the next piece of text. `isLast`: nothing follows it. */
  take(piece: string, isLast = false): { readonly text: string; readonly reasoning: string } {
    let rest = this.#held + piece;
    let reasoning = '';
    this.#held = '';
    if (this.#state === 'start') {
      const trimmed = rest.trimStart();
      if (trimmed.startsWith(open)) {
        this.#state = 'thinking';
        rest = trimmed.slice(open.length);
      } else if (open.startsWith(trimmed) && !isLast) {
        this.#held = rest;
        return { text: '', reasoning: '' };
      } else {
        this.#state = 'done';
      }
    }
    if (this.#state === 'thinking') {
      const end = rest.indexOf(close);
      if (end === -1) {
        const keep = isLast ? 0 : overlap(rest, close);
        this.#held = rest.slice(rest.length - keep);
        return { text: '', reasoning: rest.slice(0, rest.length - keep) };
      }
      reasoning = rest.slice(0, end);
      rest = rest.slice(end + close.length).trimStart();
      this.#state = 'done';
    }
    return { text: rest, reasoning };
  }
}

/** Returns the number of characters at the end of `text` that are the start of `tag`. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--)
    if (text.endsWith(tag.slice(0, length))) return length;
  return 0;
}
