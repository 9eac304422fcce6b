// Preloaded into a server by idle.ts: appends a line to the file of BENCH_TIMERS_FILE for each timer that fires, in any
// thread, those of Node's own modules included. The line names the file that set the timer.

import { createHook } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';

const path = process.env.BENCH_TIMERS_FILE;
const timers = new Map<number, string>();

if (path !== undefined) {
  createHook({
    init(id, type) {
      if (type === 'Timeout') timers.set(id, new Error('timer').stack ?? '');
    },
    before(id) {
      const stack = timers.get(id);
      if (stack === undefined) return;
      const place =
        /(?:dist|node_modules)\/[^:)]+/.exec(stack)?.[0] ?? /node:(?!internal)[^:)]+/.exec(stack)?.[0];
      appendFileSync(path, `${place ?? 'unknown'}\n`);
    },
    destroy(id) {
      timers.delete(id);
    },
  }).enable();
}
