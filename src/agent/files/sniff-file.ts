// Finds the type of a file in its content. What a client or a name claims does not matter.

import type { FileType, ImageType } from '../../contract/uploaded-file.ts';
import { detectEncoding } from '../tools/text-encoding.ts';

export type Sniffed =
  | { readonly kind: 'image'; readonly mediaType: ImageType; readonly width: number; readonly height: number }
  | { readonly kind: 'pdf'; readonly mediaType: 'application/pdf' }
  | { readonly kind: 'text'; readonly mediaType: 'text/plain' }
  | { readonly kind: 'unknown' };

const typeNames: Readonly<Record<string, ImageType>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
};

export async function sniffFile(data: Buffer): Promise<Sniffed> {
  if (looksLikeImage(data)) return sniffImage(data);
  if (looksLikePdf(data)) return { kind: 'pdf', mediaType: 'application/pdf' };
  const { encoding } = detectEncoding(data);
  return encoding === 'binary' ? { kind: 'unknown' } : { kind: 'text', mediaType: 'text/plain' };
}

/** Only these formats are parsed: a parser of more would be attacked through them. */
export function looksLikeImage(data: Buffer): boolean {
  const start = data.subarray(0, 12).toString('latin1');
  return /^(\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP)/s.test(start);
}

/** Only at the beginning: a text may speak of it. */
export function looksLikePdf(data: Buffer): boolean {
  return /^(\xef\xbb\xbf)?\s*%PDF-\d/.test(data.subarray(0, 1024).toString('latin1'));
}

async function sniffImage(data: Buffer): Promise<Sniffed> {
  const { imageSize } = await import('image-size');
  try {
    const { type = '', width, height } = imageSize(data);
    const mediaType = typeNames[type];
    if (mediaType !== undefined && width > 0 && height > 0)
      return { kind: 'image', mediaType, width, height };
  } catch {
    // The header is damaged: no model could read the image.
  }
  return { kind: 'unknown' };
}

/** Of the media types that `sniffFile` finds. */
export function isImageType(mediaType: FileType): mediaType is ImageType {
  return mediaType.startsWith('image/');
}
