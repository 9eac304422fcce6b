// Copies a file that another process may change meanwhile. `fs.copyFileSync` never returns if the file is truncated while
// it is copied (libuv).

import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

const chunkBytes = 1024 * 1024;

/** Copies `from`, up to its end at that moment, to the new file `to`, with its mode. @throws the system's error */
export function copyFile(from: string, to: string): void {
  const source = openSync(from, 'r');
  try {
    const target = openSync(to, 'wx', fstatSync(source).mode & 0o777);
    try {
      copyAll(source, target);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

function copyAll(source: number, target: number): void {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let length = readSync(source, chunk); length > 0; length = readSync(source, chunk)) {
    // One call may write only a part.
    for (let done = 0; done < length; ) done += writeSync(target, chunk, done, length - done);
  }
}
