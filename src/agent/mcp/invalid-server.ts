// Faults of MCP servers that a client sends, as errors that name the field of the request.

import { CodeBuddyError } from '../../base/errors.ts';
import { escapePointer } from '../../base/json-pointer.ts';

/** `fault`: begins with the field, such as `server.url must be an http or https URL`. */
export function invalidServer(fault: string): CodeBuddyError {
  const [, field = '', message = fault] = /^([^\s:]+):? (.*)$/s.exec(fault) ?? [];
  const pointer = `/${field.split('.').map(escapePointer).join('/')}`;
  return new CodeBuddyError('validation_failed', `${fault}.`, { errors: [{ in: 'body', pointer, message }] });
}

/** Runs `parse`. Its errors must begin with the field. @throws CodeBuddyError `validation_failed` */
export function parsing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw invalidServer(error instanceof Error ? error.message : String(error));
  }
}
