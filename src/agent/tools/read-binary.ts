// Reads a binary file for `read_file`: an image is shown to a model that sees, a PDF is read as text.

import type { FileHandle } from 'node:fs/promises';
import { CodeBuddyError } from '../../base/errors.ts';
import { maxImageBytes } from '../../contract/uploaded-file.ts';
import { maxFileText, readFileText } from '../files/file-text.ts';
import { requireViewable } from '../files/files.ts';
import { looksLikeImage, looksLikePdf, sniffFile } from '../files/sniff-file.ts';
import { capText } from './cap-output.ts';
import { readWholeFile } from './read-text.ts';
import type { ToolRun } from './tool.ts';

export interface BinaryFile {
  readonly handle: FileHandle;
  /** The path, as shown. */
  readonly shown: string;
  /** The beginning of its content. */
  readonly start: Buffer;
  readonly size: number;
}

/** @throws CodeBuddyError `tool_failed` for other files, `file_too_large`, `file_unreadable` */
export async function readBinary(
  { handle, shown, start, size }: BinaryFile,
  showImage: ToolRun['showImage'],
): Promise<Readonly<Record<string, unknown>>> {
  const isImage = looksLikeImage(start);
  if (isImage && showImage === undefined)
    throw new CodeBuddyError(
      'tool_failed',
      `${shown} is an image of ${size} bytes; only a model that sees can read it.`,
    );
  if (isImage && size > maxImageBytes) requireViewable(size, { width: 0, height: 0 });
  const isPdf = looksLikePdf(start);
  const data = isImage || isPdf ? await readWholeFile(handle, shown) : start;
  const sniffed = await sniffFile(data);
  if (sniffed.kind === 'image') {
    const { mediaType, width, height } = sniffed;
    requireViewable(size, sniffed);
    showImage?.({ name: shown, mediaType, data });
    return {
      path: shown,
      bytes: size,
      mediaType,
      width,
      height,
      note: 'The image follows the results of this step.',
    };
  }
  if (sniffed.kind === 'pdf') {
    const { text, truncated } = capText(await readFileText(data, sniffed.mediaType), maxFileText);
    return { path: shown, bytes: size, mediaType: sniffed.mediaType, content: text, truncated };
  }
  throw new CodeBuddyError('tool_failed', `${shown} is a binary file of ${size} bytes.`);
}
