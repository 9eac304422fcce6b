// Errors on their way from the writer thread. A structured clone of an Error keeps its name and message only; the code,
// the headers and the cause are needed as well.

import { CodeBuddyError, type ProblemCode } from '../../base/errors.ts';
import { StoreOpenError, type StoreOpenFailure } from '../store-open-error.ts';

interface PackedBase {
  readonly message: string;
  readonly cause?: PackedError;
}

export type PackedError =
  | (PackedBase & {
      readonly kind: 'problem';
      readonly code: ProblemCode;
      readonly headers?: Readonly<Record<string, string>>;
    })
  | (PackedBase & { readonly kind: 'open'; readonly reason: StoreOpenFailure })
  | (PackedBase & {
      readonly kind: 'error';
      readonly name: string;
      readonly stack?: string;
      readonly fields: Readonly<Record<string, string | number>>;
    });

/** Fields of errors of Node.js and of node:sqlite. */
const fieldNames = ['code', 'errcode', 'errstr', 'errno', 'syscall', 'path'] as const;

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { kind: 'error', name: 'Error', message: String(error), fields: {} };
  const { message } = error;
  const cause = error.cause === undefined ? {} : { cause: packError(error.cause) };
  if (error instanceof CodeBuddyError) {
    const { code, headers } = error;
    return { kind: 'problem', message, code, ...(headers === undefined ? {} : { headers }), ...cause };
  }
  if (error instanceof StoreOpenError) return { kind: 'open', message, reason: error.reason, ...cause };
  const fields: Record<string, string | number> = {};
  for (const name of fieldNames) {
    const value = (error as NodeJS.ErrnoException & Readonly<Record<string, unknown>>)[name];
    if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
  }
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  return { kind: 'error', name: error.name, message, fields, ...stack, ...cause };
}

export function unpackError(packed: PackedError): Error {
  const { message } = packed;
  const cause = packed.cause === undefined ? {} : { cause: unpackError(packed.cause) };
  if (packed.kind === 'problem') {
    const headers = packed.headers === undefined ? {} : { headers: packed.headers };
    return new CodeBuddyError(packed.code, message, { ...headers, ...cause });
  }
  if (packed.kind === 'open') return new StoreOpenError(packed.reason, message, cause);
  const error = packed.name === 'TypeError' ? new TypeError(message, cause) : new Error(message, cause);
  if (packed.stack !== undefined) error.stack = packed.stack;
  return Object.assign(error, packed.fields);
}
