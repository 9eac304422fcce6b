// Splits a server's stdout into JSON-RPC messages, one per line. Other lines are skipped, within limits: some servers
// print a greeting, but endless output must not use up the time or memory of this process. The SDK's own reader has no
// limits.

import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { decodeCut } from '../../base/text.ts';
import { sdk } from './sdk.ts';

/** More than is shown: a secret must be complete to be recognized. */
const maxGarbageLine = 8192;
const maxMessageBytes = 10 * 1024 * 1024;
/** Limit of skipped bytes since the last message. */
const maxGarbageBytes = 1024 * 1024;
const newline = 10;
const openingBrace = 123;

export class MessageReader {
  readonly #onMessage: (message: JSONRPCMessage) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #garbageBytes = 0;
  #garbage: string | undefined;

  constructor(onMessage: (message: JSONRPCMessage) => void) {
    this.#onMessage = onMessage;
  }

  /** The first skipped line, for error messages. */
  get garbage(): string | undefined {
    return this.#garbage;
  }

  /** @throws Error with the end of "the server ..." as its message, if a limit is exceeded */
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
    if (this.#length > maxMessageBytes)
      throw new Error(`wrote a line of more than ${maxMessageBytes / 1024 / 1024} MiB to its stdout`);
    this.#parts.push(part);
  }

  #endLine(): void {
    const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    const message = parse(line);
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
    this.#onMessage(message);
  }
}

function parse(line: Buffer): JSONRPCMessage | undefined {
  // Cheaper than an exception per line.
  if (line[0] !== openingBrace) return undefined;
  try {
    return sdk().deserializeMessage(line.toString('utf8'));
  } catch {
    // Not JSON-RPC; the caller counts the line.
    return undefined;
  }
}
