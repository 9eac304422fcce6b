// The files that prompts carry: kept in the store, outside of the event log, and deleted with the events of their day.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import { wellFormed } from '../../base/text.ts';
import {
  type FileType,
  maxImageBytes,
  maxImageSide,
  type UploadedFile,
} from '../../contract/uploaded-file.ts';
import type { FileFacts, FileRow } from '../../store/file-store.ts';
import type { Store } from '../../store/store.ts';
import { sniffFile } from './sniff-file.ts';

const dayMs = 86_400_000;

export interface FilesOptions {
  readonly store: Pick<Store, 'files' | 'write'>;
  readonly now: () => number;
  /** Bytes of one file. */
  readonly maxFileSize: number;
  /** Bytes of all files together. */
  readonly maxStoredFiles: number;
  readonly keepDays: number;
}

export interface Files {
  readonly maxFileSize: number;
  /** @throws CodeBuddyError `file_too_large`, `unsupported_file_type`, `uploads_full` */
  upload(data: Buffer, name: string | undefined): Promise<UploadedFile>;
  /** @throws CodeBuddyError `upload_not_found` */
  get(id: string): Promise<UploadedFile>;
  /** @throws CodeBuddyError `upload_not_found` */
  read(id: string): Promise<{ readonly file: UploadedFile; readonly data: Buffer }>;
  /** @throws CodeBuddyError `upload_not_found` */
  delete(id: string): Promise<void>;
  /** Checks a file, and makes the row that keeps it. @throws like `upload` */
  newRow(data: Buffer, name: string | undefined): Promise<FileRow>;
  /** Whether `size` more bytes fit. @throws CodeBuddyError `uploads_full` */
  requireRoom(size: number): Promise<void>;
}

export function createFiles({ store, now, maxFileSize, maxStoredFiles, keepDays }: FilesOptions): Files {
  const toFile = ({ createdAt, mediaType, ...rest }: FileFacts): UploadedFile => ({
    id: rest.id,
    name: rest.name,
    // Only `newRow` writes the column.
    mediaType: mediaType as FileType,
    size: rest.size,
    sha256: rest.sha256,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(createdAt + keepDays * dayMs).toISOString(),
  });

  async function newRow(data: Buffer, name: string | undefined): Promise<FileRow> {
    if (data.length > maxFileSize)
      throw new CodeBuddyError(
        'file_too_large',
        `The file has ${data.length} bytes; the limit is ${maxFileSize} (maxFileSize).`,
      );
    const sniffed = await sniffFile(data);
    if (sniffed.kind === 'unknown')
      throw new CodeBuddyError(
        'unsupported_file_type',
        'The file is neither text nor a PDF, PNG, JPEG, GIF or WebP. Put other files into the workspace, where tools can work on them.',
      );
    if (sniffed.kind === 'image') requireViewable(data.length, sniffed);
    return newFileRow(data, { name, mediaType: sniffed.mediaType }, now());
  }

  async function requireRoom(size: number): Promise<void> {
    const used = await store.files.totalSize();
    if (used + size > maxStoredFiles)
      throw new CodeBuddyError(
        'uploads_full',
        `The kept files take up ${used} of ${maxStoredFiles} bytes (maxStoredFiles), so ${size} more do not fit.`,
      );
  }

  async function find(id: string): Promise<FileFacts> {
    const facts = await store.files.find(id);
    if (facts === undefined) throw notFound(id);
    return facts;
  }

  return {
    maxFileSize,
    newRow,
    requireRoom,
    async upload(data, name) {
      const file = await newRow(data, name);
      await requireRoom(file.size);
      await store.write([{ kind: 'putFile', file }]);
      return toFile(file);
    },
    get: async (id) => toFile(await find(id)),
    async read(id) {
      const row = await store.files.read(id);
      if (row === undefined) throw notFound(id);
      const { data, ...facts } = row;
      return { file: toFile(facts), data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
    },
    async delete(id) {
      await find(id);
      await store.write([{ kind: 'deleteFile', id }]);
    },
  };
}

export function newFileRow(
  data: Buffer,
  { name, mediaType }: { readonly name: string | undefined; readonly mediaType: FileType },
  now: number,
): FileRow {
  return {
    id: makeId('fil', now),
    name: plainName(name) || defaultName(mediaType),
    mediaType,
    size: data.length,
    sha256: createHash('sha256').update(data).digest('hex'),
    createdAt: now,
    data,
  };
}

/** @throws CodeBuddyError `file_too_large` for an image that some provider refuses */
export function requireViewable(
  bytes: number,
  { width, height }: { readonly width: number; readonly height: number },
): void {
  if (bytes > maxImageBytes)
    throw new CodeBuddyError(
      'file_too_large',
      `The image has ${bytes} bytes; models take up to ${maxImageBytes}. Scale it down.`,
    );
  if (width > maxImageSide || height > maxImageSide)
    throw new CodeBuddyError(
      'file_too_large',
      `The image has ${width} × ${height} pixels; models take up to ${maxImageSide} on each side. Scale it down.`,
    );
}

/** The last part of a path, without control characters, so that it can be shown and sent in a header. */
function plainName(name: string | undefined): string {
  const last =
    wellFormed(name ?? '')
      .split(/[\\/]/)
      .at(-1) ?? '';
  return last.replaceAll(/\p{C}/gu, '').trim().slice(0, 255);
}

function defaultName(mediaType: FileType): string {
  const [kind, format = ''] = mediaType.split('/');
  return kind === 'image'
    ? `image.${format === 'jpeg' ? 'jpg' : format}`
    : format === 'pdf'
      ? 'file.pdf'
      : 'file.txt';
}

function notFound(id: string): CodeBuddyError {
  return new CodeBuddyError(
    'upload_not_found',
    `Uploaded file ${JSON.stringify(id)} not found. It may have expired.`,
  );
}
