// Starts the writer thread, which then waits to be told which database to open. A thread takes as long to start as the
// rest of the program takes to load, so a program may start it first (`SqliteStoreOptions.thread`).

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A writer thread that has no database yet. It does not keep the process alive. */
export type WriterThread = Worker;

/** How long a thread waits for the next store, in ms. */
const keepMs = 1000;

const idle = new Map<WriterThread, NodeJS.Timeout>();

/**
 * A thread whose store was closed a moment ago, or a new one. Starting one costs ten times as much CPU as opening a
 * database, so a host that opens one store after the other, as its tests do, keeps the thread.
 */
export function takeWriterThread(): WriterThread {
  for (const [thread, timer] of idle) {
    clearTimeout(timer);
    idle.delete(thread);
    if (thread.threadId !== -1) return thread;
  }
  return startWriterThread();
}

/** Keeps a thread without a database for the next store. It ends if none is opened soon. */
export function keepWriterThread(thread: WriterThread): void {
  const end = setTimeout(() => {
    idle.delete(thread);
    void thread.terminate();
  }, keepMs);
  end.unref();
  idle.set(thread, end);
}

export function startWriterThread(): WriterThread {
  // Beside this file, as TypeScript or compiled.
  const file = new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url);
  // Flags of the process, such as `--input-type`, are not the thread's.
  const thread = new Worker(file, { name: 'codebuddy store', execArgv: [], env: {} });
  thread.unref();
  return thread;
}
