// Calls handlers of the host application and checks what they return. A thrown `CodeBuddyError` is the answer. Any
// other error is internal, whatever fields it has: the `status`, `code` or `validation` of a database error has nothing
// to do with the request.

import { CodeBuddyError } from '../base/errors.ts';
import { ApiReply } from './api-reply.ts';
import { toHandlerProblem } from './pipeline/problem.ts';

/** Calls a handler of the host application. @throws CodeBuddyError */
export async function callHandler<T>(handler: () => T | Promise<T>): Promise<T> {
  try {
    return await handler();
  } catch (thrown) {
    throw toHandlerProblem(thrown);
  }
}

/**
 * The error for a wrong return value. Names the handler and the kind of the value, but not the value, which may be a
 * secret.
 */
export function wrongReturn(handler: string, expected: string, value: unknown): CodeBuddyError {
  const message = `${handler} must return ${expected}, not ${kindOf(value)}.`;
  return new CodeBuddyError('internal_error', message, { cause: new TypeError(message) });
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value instanceof ApiReply) return 'a reply(), which only handlers of addRoute may return';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Calls a handler that must return an array. @throws CodeBuddyError */
export async function listFromHandler<T>(
  name: string,
  handler: () => readonly T[] | Promise<readonly T[]>,
): Promise<readonly T[]> {
  const list: unknown = await callHandler(handler);
  if (!Array.isArray(list)) throw wrongReturn(name, 'an array', list);
  return list;
}

/** Calls a handler that must return a plain object. @throws CodeBuddyError */
export async function objectFromHandler(name: string, handler: () => unknown): Promise<object> {
  const value = await callHandler(handler);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof ApiReply)
    throw wrongReturn(name, 'an object', value);
  return value;
}
