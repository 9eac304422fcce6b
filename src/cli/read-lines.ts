// Reads lines from a stream, each up to a limit.

import type { Readable } from 'node:stream';

const newline = 10;

/** A line that is longer than `maxBytes` is undefined, so that the reader can refuse it. Ends without an error. */
export async function* readLines(
  input: Readable,
  maxBytes: number,
): AsyncGenerator<string | undefined, void> {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): void => {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts = [];
  };
  const take = (): string | undefined => {
    const line = length > maxBytes ? undefined : Buffer.concat(parts).toString('utf8');
    parts = [];
    length = 0;
    return line;
  };
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        add(chunk.subarray(start, end));
        yield take();
        start = end + 1;
      }
      add(chunk.subarray(start));
    }
  } catch {
    // The stream was destroyed.
    return;
  }
  if (length > 0) yield take();
}
