// Preloaded into a server by idle.ts: appends a line to the file of BENCH_TIMERS_FILE for each timer that fires, in any
// thread, those of Node's own modules included.

import { createHook } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

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
      const place = stack.split('\n').find((line) => /dist\/|node_modules\/|node:_?http/.test(line)) ?? '?';
      appendFileSync(path, `${threadId} ${place.trim()}\n`);
    },
    destroy(id) {
      timers.delete(id);
    },
  }).enable();
}
