// The limit of a session's metadata. The transaction checks it, too, because several nodes may add to it at once.

import { CodeBuddyError } from '../base/errors.ts';

/** Lists of sessions carry the metadata of each. */
const maxMetadataBytes = 65_536;

/** @throws CodeBuddyError `validation_failed` */
export function requireRoomFor(metadata: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= maxMetadataBytes) return;
  const message = `must be at most ${maxMetadataBytes} bytes of JSON; it would be ${bytes}`;
  throw new CodeBuddyError('validation_failed', `metadata ${message}.`, {
    errors: [{ in: 'body', pointer: '/metadata', message }],
  });
}
