// The main thread's side of the writer thread: starts it, passes writes and calls to it, and ends the process if it
// dies. Its lock on the database is the process's lease; without it, nothing may be written or delivered any more.

import type { Write } from '../store.ts';
import { logStorageChange, type StoreLogger } from '../store-logger.ts';
import { createWriteQueue, storeIsClosed } from '../write-queue.ts';
import type { Maintenance } from './maintenance.ts';
import { keepWriterThread, takeWriterThread, type WriterThread } from './start-writer-thread.ts';
import { type PackedError, packError, unpackError } from './thread-error.ts';
import { encodeWrites } from './write-program.ts';
import type { FromWriter, ToWriter } from './writer-messages.ts';

export interface WriterOptions {
  readonly path: string;
  /** Unix ms. */
  readonly now: number;
  readonly busyTimeoutMs: number;
  readonly logger?: StoreLogger | undefined;
  /** @default a new one */
  readonly thread?: WriterThread | undefined;
}

export interface Writer {
  /** The folder of the database, with links resolved. */
  readonly directory: string;
  write(writes: readonly Write[], maxDelayMs?: number): Promise<readonly number[]>;
  /** Call a function of `Maintenance` on the writer thread. */
  call<Name extends keyof Maintenance>(
    name: Name,
    ...values: Parameters<Maintenance[Name]>
  ): Promise<ReturnType<Maintenance[Name]>>;
  /** Settle what was accepted, call `beforeClose`, then close the database and release the thread. */
  close(beforeClose: () => void): Promise<void>;
}

interface Call {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Start the thread and open the database. @throws StoreOpenError */
export async function startWriter({
  logger,
  thread: worker = takeWriterThread(),
  ...data
}: WriterOptions): Promise<Writer> {
  const { path } = data;
  const calls = new Map<number, Call>();
  const opened = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<PackedError | undefined>();
  let state: 'opening' | 'open' | 'closing' = 'opening';
  let nextCall = 1;
  let unanswered = 0;

  /** Posts a request. The thread keeps the process alive while an answer is due, and no longer. */
  function request(message: ToWriter): void {
    worker.postMessage(message);
    if (unanswered++ === 0) worker.ref();
  }

  function answered(): void {
    if (--unanswered === 0) worker.unref();
  }

  function fail(error: Error): void {
    if (state === 'open') endProcess(path, error);
    if (state === 'opening') opened.reject(error);
    else closed.resolve(packError(error));
    state = 'closing';
  }

  const queue = createWriteQueue({
    encode: encodeWrites,
    send: (callers) => request({ kind: 'commit', callers }),
    onStorageChange: (failure) => logStorageChange(logger, failure),
  });

  function onMessage(message: FromWriter): void {
    if (message.kind === 'warning') {
      const { err, ...fields } = message.fields;
      const error = err === undefined ? {} : { err: unpackError(err as PackedError) };
      logger?.warn({ ...fields, ...error }, message.message);
      return;
    }
    answered();
    switch (message.kind) {
      case 'committed':
        queue.settleCommitted(
          message.outcomes.map((outcome) => ('kind' in outcome ? unpackError(outcome) : outcome)),
        );
        return;
      case 'failed':
        queue.settleFailed(unpackError(message.error));
        return;
      case 'result': {
        const call = calls.get(message.id);
        calls.delete(message.id);
        if (message.error === undefined) call?.resolve(message.value as never);
        else call?.reject(unpackError(message.error));
        return;
      }
      case 'open':
        state = 'open';
        opened.resolve(message.directory);
        return;
      case 'notOpen':
        fail(unpackError(message.error));
        return;
      case 'closed':
        closed.resolve(message.error);
    }
  }
  let isAlive = worker.threadId !== -1;
  const onError = (error: unknown): void => {
    isAlive = false;
    fail(error as Error);
  };
  const onExit = (code: number): void => {
    isAlive = false;
    fail(new Error(`it ended with code ${code}`));
  };
  worker.on('message', onMessage).on('error', onError).on('exit', onExit);

  /** The thread has no database, and serves the next store. */
  function release(): void {
    worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    if (isAlive) keepWriterThread(worker);
  }

  if (!isAlive) fail(new Error('it ended before it was used'));
  request({ kind: 'open', ...data });

  const directory = await opened.promise.catch((error: unknown) => {
    release();
    throw error;
  });

  return {
    directory,
    write: (writes, maxDelayMs) => queue.write(writes, maxDelayMs),
    call(name, ...values) {
      if (state !== 'open') return Promise.reject(storeIsClosed());
      return new Promise((resolve, reject) => {
        const id = nextCall++;
        calls.set(id, { resolve, reject });
        request({ kind: 'call', id, name, values });
      });
    },
    async close(beforeClose) {
      await queue.close();
      state = 'closing';
      beforeClose();
      request({ kind: 'close' });
      const error = await closed.promise;
      release();
      if (error !== undefined) throw unpackError(error);
    },
  };
}

/** Nothing can be promised without the writer thread: neither commits nor the lock on the database. */
function endProcess(path: string, cause: Error): never {
  process.stderr.write(
    `codebuddy: the thread that writes to ${path} died (${cause.message}). Nothing that was acknowledged is lost; start again.\n`,
  );
  process.exit(1);
}
