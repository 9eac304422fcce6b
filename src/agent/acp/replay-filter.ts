// Recognizes the replay of an old conversation after `session/load`. Some agents answer before their replay has ended, so
// old text may still come when the next prompt is sent. What was said before is known, so old text is recognized by
// itself: as long as a piece continues the known text where the replay has come to, it is old.

import { isBlank } from '../../base/text.ts';

/** A shorter piece may be the beginning of a new answer: it is held back until the next one. */
const certainLength = 24;
/** A shorter piece is not looked for further on. */
const searchedLength = 8;
/** More of the end of a conversation is not compared. */
const knownLength = 100_000;

export class ReplayFilter {
  /** The known text without white space, which agents change. */
  readonly #known: string;
  #at = 0;
  #held = '';
  #hasPassed = false;

  /** @param texts the answers of the conversation, oldest first */
  constructor(texts: readonly string[]) {
    this.#known = texts.map(bare).join('').slice(-knownLength);
  }

  /** True once all that was said before has come again. */
  get isOver(): boolean {
    return this.#at >= this.#known.length;
  }

  /** Notes a piece that is old, because it came before the new prompt was sent. */
  skip(piece: string): void {
    const text = bare(piece);
    if (text === '') return;
    const found = this.#known.startsWith(text, this.#at)
      ? this.#at
      : text.length < searchedLength
        ? -1
        : this.#known.indexOf(text, this.#at);
    if (found !== -1) this.#at = found + text.length;
  }

  /** Returns the part of a piece of text that is new, after the new prompt was sent. */
  pass(piece: string): string {
    if (this.isOver) {
      // The held text was the end of the replay.
      this.#held = '';
      this.#hasPassed = true;
      return piece;
    }
    const text = bare(piece);
    if (this.#known.startsWith(text, this.#at)) {
      this.#at += text.length;
      this.#held = bare(this.#held).length + text.length < certainLength ? this.#held + piece : '';
      return '';
    }
    // It does not continue the replay: the new answer has begun.
    const held = this.#held;
    this.#held = '';
    this.#at = this.#known.length;
    this.#hasPassed = true;
    return held + piece;
  }

  /** Returns the text that is still held back at the end of the turn: a short answer that was given before, too. */
  end(): string {
    const held = this.#hasPassed ? '' : this.#held;
    this.#held = '';
    return isBlank(held) ? '' : held;
  }
}

function bare(text: string): string {
  return text.replace(/\s+/g, '');
}
