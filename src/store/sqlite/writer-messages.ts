// The messages between the main thread and the writer thread.

import type { PackedError } from './thread-error.ts';
import type { WriteProgram } from './write-program.ts';

/** The options with which the thread opens the database. */
export interface WriterData {
  readonly path: string;
  /** Unix ms. */
  readonly now: number;
  readonly busyTimeoutMs: number;
}

export type ToWriter =
  /** Open a database; the thread has none. Answered by `open` or `notOpen`. */
  | ({ readonly kind: 'open' } & WriterData)
  /** Commit the writes of these callers together. Answered by `committed` or `failed`, in the order of the requests. */
  | { readonly kind: 'commit'; readonly callers: readonly WriteProgram[] }
  /** Call a function of `Maintenance`. Answered by `result`. */
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly values: readonly unknown[] }
  /** Close the database. Answered by `closed`. */
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'open'; readonly directory: string }
  | { readonly kind: 'notOpen'; readonly error: PackedError }
  | { readonly kind: 'warning'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }
  /** For each caller the sequence numbers of its events, or why its writes were refused. */
  | { readonly kind: 'committed'; readonly outcomes: readonly (readonly number[] | PackedError)[] }
  /** Nothing of the group was committed. */
  | { readonly kind: 'failed'; readonly error: PackedError }
  | { readonly kind: 'result'; readonly id: number; readonly value?: unknown; readonly error?: PackedError }
  | { readonly kind: 'closed'; readonly error?: PackedError };
