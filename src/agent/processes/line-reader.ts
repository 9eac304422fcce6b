// Splits a program's stdout into messages, one JSON object per line. Other lines are skipped, within limits: some
// programs print a greeting, but endless output must not use up the time or memory of this process.

import { decodeCut } from '../../base/text.ts';

/** More than is shown: a secret must be complete to be recognized. */
const maxGarbageLine = 8192;
const maxMessageBytes = 10 * 1024 * 1024;
/** Limit of skipped bytes since the last message. */
const maxGarbageBytes = 1024 * 1024;
const newline = 10;
const openingBrace = 123;

export interface LineReaderOptions<Message> {
  /** Undefined, or an exception, for a line that is not a message. */
  readonly parse: (line: string) => Message | undefined;
  readonly onMessage: (message: Message) => void;
  /** @default 10 MiB */
  readonly maxMessageBytes?: number;
}

export class LineReader<Message> {
  readonly #options: LineReaderOptions<Message>;
  readonly #maxMessageBytes: number;
  #parts: Buffer[] = [];
  #length = 0;
  #garbageBytes = 0;
  #garbage: string | undefined;

  constructor(options: LineReaderOptions<Message>) {
    this.#options = options;
    this.#maxMessageBytes = options.maxMessageBytes ?? maxMessageBytes;
  }

  /** The first skipped line, for error messages. */
  get garbage(): string | undefined {
    return this.#garbage;
  }

  /** @throws Error with the end of "the program ..." as its message, if a limit is exceeded */
  add(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > this.#maxMessageBytes)
      throw new Error(`wrote a line of more than ${this.#maxMessageBytes / 1024 / 1024} MiB to its stdout`);
    this.#parts.push(part);
  }

  #endLine(): void {
    const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    const message = this.#parse(line);
    if (message === undefined) {
      this.#garbage ??= decodeCut(line.subarray(0, maxGarbageLine)).trim() || undefined;
      this.#garbageBytes += line.length + 1;
      if (this.#garbageBytes > maxGarbageBytes)
        throw new Error(
          `wrote more than ${maxGarbageBytes / 1024 / 1024} MiB to its stdout that is not JSON-RPC`,
        );
      return;
    }
    this.#garbageBytes = 0;
    this.#options.onMessage(message);
  }

  #parse(line: Buffer): Message | undefined {
    // Cheaper than an exception per line.
    if (line[0] !== openingBrace) return undefined;
    try {
      return this.#options.parse(line.toString('utf8'));
    } catch {
      // Not JSON-RPC; the caller counts the line.
      return undefined;
    }
  }
}
