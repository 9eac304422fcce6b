// Cuts what a server writes to its stdout into JSON-RPC messages, one a line. What is no message is passed over, within limits: some servers
// print a greeting, but one that only prints must not keep us busy or fill our memory.

import { deserializeMessage, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { decodeCut } from '../../base/text.ts';

/** More than is shown: a secret in it must be whole to be known as one. */
const maxGarbageLine = 8192;
const maxMessageBytes = 10 * 1024 * 1024;
/** Since the last message. */
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

  /** The first line that was no message, for error messages. */
  get garbage(): string | undefined {
    return this.#garbage;
  }

  /** @throws Error in words, as the end of "the server ...", if a limit is passed */
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
          `wrote more than ${maxGarbageBytes / 1024 / 1024} MiB to its stdout that are no JSON-RPC`,
        );
      return;
    }
    this.#garbageBytes = 0;
    this.#onMessage(message);
  }
}

function parse(line: Buffer): JSONRPCMessage | undefined {
  // Cheaper than an exception a line.
  if (line[0] !== openingBrace) return undefined;
  try {
    return deserializeMessage(line.toString('utf8'));
  } catch {
    // Neither JSON nor JSON-RPC; the caller counts it.
    return undefined;
  }
}
