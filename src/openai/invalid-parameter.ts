// Errors about a parameter of the body. `pointer` is a JSON Pointer: `/messages/0/role`.

import { CodeBuddyError } from '../base/errors.ts';
import { fieldName } from '../base/schema-errors.ts';

/** `message` completes a sentence about the parameter: `must end with a message of the user`. */
export function invalidParameter(pointer: string, message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `${fieldName(pointer)} ${message}.`, {
    errors: [{ in: 'body', pointer, message }],
  });
}

export function unsupportedParameter(pointer: string, message: string): CodeBuddyError {
  return new CodeBuddyError('unsupported_parameter', `${fieldName(pointer)} ${message}`, {
    errors: [{ in: 'body', pointer, message }],
  });
}

export function modelNotFound(model: string, detail: string): CodeBuddyError {
  return new CodeBuddyError('model_not_found', `Model ${JSON.stringify(model)} not found: ${detail}`, {
    errors: [{ in: 'body', pointer: '/model', message: 'is not found' }],
  });
}
