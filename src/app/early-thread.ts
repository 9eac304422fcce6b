// Starts the writer thread. `codebuddy serve` loads this before the rest of the program.

export { startWriterThread, type WriterThread } from '../store/sqlite/start-writer-thread.ts';
