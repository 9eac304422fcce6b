// Lines on their way to a file descriptor: kept together and written off the request path, at once when told, and at exit.
// Why not pino's own buffering: it measures all that waits again at each line, which costs more than the line itself
// (measured: 3.0 µs a request line with it, 0.7 µs with this).

import type { destination } from 'pino';

/** pino's writer: asynchronous, in order, patient with full pipes. */
type Destination = ReturnType<typeof destination>;

const flushLength = 8 * 1024;
const flushMs = 250;

const open = new Set<LineBuffer>();
let isExitHeard = false;

export class LineBuffer {
  private readonly destination: Destination;
  private waiting = '';
  private timer: NodeJS.Timeout | undefined;

  /** `destination` writes asynchronously and in order (pino.destination). */
  constructor(destination: Destination) {
    this.destination = destination;
    open.add(this);
    if (isExitHeard) return;
    isExitHeard = true;
    process.on('exit', () => {
      for (const buffer of open) buffer.flushNow();
    });
  }

  /** `line` ends with a line feed. */
  write(line: string): void {
    this.waiting += line;
    if (this.waiting.length >= flushLength) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), flushMs).unref();
  }

  /** All that waits is on its way when this returns. */
  flushNow(): void {
    this.flush();
    try {
      this.destination.flushSync();
    } catch {
      // The reader of our log has gone (a closed pipe); there is nobody left to tell.
    }
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting === '') return;
    const lines = this.waiting;
    this.waiting = '';
    this.destination.write(lines);
  }
}
