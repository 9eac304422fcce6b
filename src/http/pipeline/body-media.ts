// Refuses bodies of media types that the routes do not read.

import { CodeBuddyError } from '../../base/errors.ts';

const jsonType = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?;?$/i;

/** Refuses bodies that are not plain JSON. @throws CodeBuddyError `unsupported_media_type` */
export function refuseOtherMedia(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (contentType === undefined || !jsonType.test(contentType.trim())) {
    throw new CodeBuddyError('unsupported_media_type', 'The body must be application/json in UTF-8.');
  }
  refuseCompression(contentEncoding);
}

/** Refuses bodies that are not the bytes of a file. @throws CodeBuddyError `unsupported_media_type` */
export function refuseForms(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (/^(multipart\/|application\/x-www-form-urlencoded)/i.test(contentType ?? ''))
    throw new CodeBuddyError(
      'unsupported_media_type',
      'The body must be the file itself, not a form: with curl, --data-binary @FILE and -H "Content-Type: application/octet-stream".',
    );
  refuseCompression(contentEncoding);
}

function refuseCompression(contentEncoding: string | undefined): void {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    // RFC 9110 §12.5.3: this header in a 415 means that the encoding is the problem.
    throw new CodeBuddyError('unsupported_media_type', 'The body must not be compressed.', {
      headers: { 'Accept-Encoding': 'identity' },
    });
  }
}
