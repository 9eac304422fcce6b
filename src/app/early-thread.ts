// What `codebuddy serve` starts before it loads the rest of the program.

export { startWriterThread, type WriterThread } from '../store/sqlite/start-writer-thread.ts';
