// Stops this thread, as a busy or paused machine does.

/** Returns after `ms`. No timer, socket or callback has its turn meanwhile. */
export function blockThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
