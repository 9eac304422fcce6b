// The main thread's side of the writer thread: starts it, passes writes and calls to it, and ends the process if it
// dies. Its lock on the database is the process's lease; without it, nothing may be written or delivered any more.

import type { Write } from '../store.ts';
import type { Maintenance } from './maintenance.ts';
import type { StoreLogger } from './open-database.ts';
import { startWriterThread, type WriterThread } from './start-writer-thread.ts';
import { type PackedError, packError, unpackError } from './thread-error.ts';
import { createWriteQueue, storeIsClosed } from './write-queue.ts';
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
  /** Settle what was accepted, call `beforeClose`, then close the database and end the thread. */
  close(beforeClose: () => void): Promise<void>;
}

interface Call {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Start the thread and open the database. @throws StoreOpenError */
export async function startWriter({
  logger,
  thread: worker = startWriterThread(),
  ...data
}: WriterOptions): Promise<Writer> {
  const { path } = data;
  const say = (message: ToWriter): void => worker.postMessage(message);
  const calls = new Map<number, Call>();
  let nextCall = 1;
  let unanswered = 0;
  let isClosing = false;

  /** The thread keeps the process alive while an answer is due, and not longer. */
  const expect = (change: 1 | -1): void => {
    unanswered += change;
    if (unanswered === 1 && change === 1) worker.ref();
    else if (unanswered === 0) worker.unref();
  };

  const queue = createWriteQueue({
    send(callers) {
      say({ kind: 'commit', callers });
      expect(1);
    },
    onStorageChange(failure) {
      if (failure === undefined) logger?.warn({}, 'the store works again');
      else logger?.warn({ err: failure }, 'the store cannot commit; writes are refused until it works again');
    },
  });

  let closed: (error: PackedError | undefined) => void = () => undefined;
  const directory = await new Promise<string>((resolve, reject) => {
    let isOpen = false;
    const fail = (error: Error): void => {
      if (isClosing) {
        closed(packError(error));
        return;
      }
      if (isOpen) endProcess(path, error);
      isClosing = true;
      reject(error);
    };
    worker.on('message', (message: FromWriter) => {
      switch (message.kind) {
        case 'committed':
          expect(-1);
          queue.settleCommitted(message.outcomes);
          return;
        case 'failed':
          expect(-1);
          queue.settleFailed(unpackError(message.error));
          return;
        case 'result': {
          expect(-1);
          const call = calls.get(message.id);
          calls.delete(message.id);
          if (message.error === undefined) call?.resolve(message.value as never);
          else call?.reject(unpackError(message.error));
          return;
        }
        case 'warning': {
          const { err, ...fields } = message.fields;
          const error = err === undefined ? {} : { err: unpackError(err as PackedError) };
          logger?.warn({ ...fields, ...error }, message.message);
          return;
        }
        case 'open':
          isOpen = true;
          worker.unref();
          resolve(message.directory);
          return;
        case 'notOpen':
          fail(unpackError(message.error));
          return;
        case 'closed':
          closed(message.error);
      }
    });
    worker.on('error', (error) => fail(error as Error));
    worker.on('exit', (code) => fail(new Error(`it ended with code ${code}`)));
    if (worker.threadId === -1) fail(new Error('it ended before it was used'));
    worker.ref();
    say({ kind: 'open', ...data });
  });

  return {
    directory,
    write: (writes, maxDelayMs) => queue.write(writes, maxDelayMs),
    call(name, ...values) {
      if (isClosing) return Promise.reject(storeIsClosed());
      return new Promise((resolve, reject) => {
        const id = nextCall++;
        calls.set(id, { resolve, reject });
        say({ kind: 'call', id, name, values });
        expect(1);
      });
    },
    async close(beforeClose) {
      await queue.close();
      isClosing = true;
      beforeClose();
      const error = await new Promise<PackedError | undefined>((resolve) => {
        closed = resolve;
        say({ kind: 'close' });
        worker.ref();
      });
      // The lock is free; the thread itself may end a moment later.
      worker.unref();
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
