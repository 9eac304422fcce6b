// A connection of the torture receiver. It writes as fast as the sender reads, and stops when the connection ends. It
// never throws because of a sender.

import type { Socket } from 'node:net';

export interface TortureSocket {
  readonly socket: Socket;
  /** Write bytes or Latin-1 text. Does nothing once the connection is closed. */
  write(data: string | Uint8Array): void;
  end(data?: string | Uint8Array): void;
  /** End with RST instead of FIN. */
  reset(): void;
  after(ms: number, work: () => void): void;
  /** Repeat until the connection ends. */
  every(ms: number, work: () => void): void;
  /** Write what `next` returns until that is undefined, waiting for the sender to read. */
  pour(next: () => string | Uint8Array | undefined, whenDone?: () => void): void;
}

/** The limit of Node's timers. */
const longestMs = 2 ** 31 - 1;

export function wrapSocket(socket: Socket): TortureSocket {
  const timers = new Set<NodeJS.Timeout>();
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  });
  const write = (data: string | Uint8Array): boolean =>
    socket.writable && (typeof data === 'string' ? socket.write(data, 'latin1') : socket.write(data));

  return {
    socket,
    write,
    end(data) {
      if (data !== undefined) write(data);
      socket.end();
    },
    reset() {
      // After FIN a reset fails, and Node would never close the handle.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    },
    after(ms, work) {
      if (socket.destroyed) return;
      const timer = setTimeout(
        () => {
          timers.delete(timer);
          work();
        },
        Math.min(Math.max(ms, 0), longestMs),
      );
      timers.add(timer);
    },
    every(ms, work) {
      if (socket.destroyed) return;
      timers.add(setInterval(work, ms));
    },
    pour(next, whenDone) {
      const step = (): void => {
        while (!socket.destroyed && socket.writable) {
          const data = next();
          if (data === undefined) {
            whenDone?.();
            return;
          }
          if (!write(data)) {
            socket.once('drain', step);
            return;
          }
        }
      };
      step();
    },
  };
}
