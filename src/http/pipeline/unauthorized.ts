// The problem of a request without a valid key, ticket or sign-in.

import { CodeBuddyError } from '../../base/errors.ts';

/** RFC 9110, section 15.5.2: a 401 names the scheme that the server accepts. */
export function unauthorized(detail: string): CodeBuddyError {
  return new CodeBuddyError('unauthorized', detail, { headers: { 'WWW-Authenticate': 'Bearer' } });
}
