// What a host's handler throws. A `CodeBuddyError` is an answer; anything else is a fault of the handler, whatever fields it has: an error of the
// host's own database or network may have a `status`, a `code` or a `validation` that have nothing to do with this request.

import { CodeBuddyError } from '../base/errors.ts';
import { ApiReply } from './api-reply.ts';
import { toHandlerProblem } from './pipeline/problem.ts';

/** Calls a handler of the host. @throws CodeBuddyError */
export async function callHost<T>(handler: () => T | Promise<T>): Promise<T> {
  try {
    return await handler();
  } catch (thrown) {
    throw toHandlerProblem(thrown);
  }
}

/** For what a handler returned. Names the handler and the kind of the value, never the value: it may be a secret. */
export function wrongReturn(handler: string, expected: string, value: unknown): CodeBuddyError {
  const message = `${handler} must return ${expected}; it returned ${kindOf(value)}`;
  return new CodeBuddyError('internal_error', message, { cause: new TypeError(message) });
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value instanceof ApiReply) return 'a reply(), which only handlers of addRoute can';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** @throws CodeBuddyError */
export async function listOfHost<T>(
  name: string,
  handler: () => readonly T[] | Promise<readonly T[]>,
): Promise<readonly T[]> {
  const list: unknown = await callHost(handler);
  if (!Array.isArray(list)) throw wrongReturn(name, 'an array', list);
  return list;
}

/** @throws CodeBuddyError */
export async function objectOfHost(name: string, handler: () => unknown): Promise<object> {
  const value = await callHost(handler);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof ApiReply)
    throw wrongReturn(name, 'an object', value);
  return value;
}
