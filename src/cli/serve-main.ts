// The entry of the bundle that runs `codebuddy serve`: one file, which load-serve.ts loads with its code cache.

import type { WriterThread } from '../app/early-thread.ts';
import { runProgram } from './program.ts';
import { defineServe } from './serve.ts';

export { withoutLimits } from '../app/limit-heap.ts';

export function main(writerThread: WriterThread): Promise<void> {
  return runProgram({
    serve: {
      description: 'Start the server.',
      load: async () => ({ define: (command) => defineServe(command, writerThread) }),
    },
  });
}
