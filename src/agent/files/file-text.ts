// The text of a file, as a model reads it.

import { cutHead, sendable } from '../../base/text.ts';
import type { FileType } from '../../contract/uploaded-file.ts';
import { decodeText, detectEncoding } from '../tools/text-encoding.ts';

/** UTF-16 units of one file. */
export const maxFileText = 262_144;

/** @throws CodeBuddyError `file_unreadable` for a PDF without text */
export async function readFileText(data: Buffer, mediaType: FileType): Promise<string> {
  if (mediaType === 'application/pdf') {
    const { readPdf } = await import('./pdf-text.ts');
    return readPdf(data);
  }
  const { encoding, bomBytes } = detectEncoding(data);
  return sendable(decodeText(data.subarray(bomBytes), encoding === 'binary' ? 'unknown' : encoding));
}

/** The text between marks that name the file. */
export function asAttachment(
  { name, mediaType }: { readonly name: string; readonly mediaType: string },
  text: string,
): string {
  const kept = cutHead(text, maxFileText);
  const note =
    kept.length === text.length ? '' : `\n[… ${text.length - kept.length} more characters left out …]`;
  return `<file name=${JSON.stringify(name)} type="${mediaType}">\n${kept}${note}\n</file>`;
}
