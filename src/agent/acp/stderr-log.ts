// Passes what an agent writes to its stderr to the server's log: whole lines, without secrets, and not more than the log
// can bear.

import { decodeCut, shorten } from '../../base/text.ts';

const maxLine = 1000;
/** A longer line is cut here before it is redacted. A secret must be complete to be recognized. */
const maxPending = 16_384;
const linesPerMinute = 60;
const minute = 60_000;
const newline = 10;

export interface StderrLogOptions {
  readonly redact: (text: string) => string;
  readonly write: (line: string) => void;
  /** Milliseconds of any clock that does not go back. */
  readonly now: () => number;
}

export interface StderrLog {
  add(chunk: Buffer): void;
  /** Writes the last line, if it has no end. */
  end(): void;
}

export function createStderrLog({ redact, write, now }: StderrLogOptions): StderrLog {
  let pending: Buffer = Buffer.alloc(0);
  let since = now();
  let written = 0;
  let leftOut = 0;

  function line(bytes: Buffer): void {
    if (now() - since >= minute) {
      tellLeftOut();
      since = now();
      written = 0;
    }
    if (written === linesPerMinute) {
      leftOut++;
      return;
    }
    const text = shorten(redact(decodeCut(bytes)).trimEnd(), maxLine);
    if (text === '') return;
    written++;
    write(text);
  }

  function tellLeftOut(): void {
    if (leftOut > 0) write(`${leftOut} more lines are left out`);
    leftOut = 0;
  }

  return {
    add(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        line(joined(pending, chunk.subarray(start, end)));
        pending = Buffer.alloc(0);
        start = end + 1;
      }
      // A copy: a slice would keep the whole chunk in memory.
      pending = Buffer.from(joined(pending, chunk.subarray(start)));
    },
    end() {
      if (pending.length > 0) line(pending);
      pending = Buffer.alloc(0);
      tellLeftOut();
    },
  };
}

function joined(head: Buffer, tail: Buffer): Buffer {
  const both = head.length === 0 ? tail : Buffer.concat([head, tail.subarray(0, maxPending - head.length)]);
  return both.subarray(0, maxPending);
}
