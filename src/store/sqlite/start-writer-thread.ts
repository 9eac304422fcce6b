// Starts the writer thread, which then waits to be told which database to open. A thread takes as long to start as the
// rest of the program takes to load, so a program may start it first (`SqliteStoreOptions.thread`).

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A writer thread that has no database yet. It does not keep the process alive. */
export type WriterThread = Worker;

export function startWriterThread(): WriterThread {
  // Beside this file, as TypeScript or compiled.
  const file = new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url);
  // Flags of the process, such as `--input-type`, are not the thread's.
  const thread = new Worker(file, { name: 'codebuddy store', execArgv: [], env: {} });
  thread.unref();
  return thread;
}
