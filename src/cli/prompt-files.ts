// `--file` and `--image` of `codebuddy prompt`: text files are appended to the prompt, others are uploaded.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { fileFault } from '../base/file-errors.ts';
import type { CodeBuddyClient, PartInput } from '../client/index.ts';
import { UsageError } from './usage-error.ts';

/** A file to upload. */
export interface FileToSend {
  readonly type: 'image' | 'file';
  readonly path: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/**
 * Appends text files to the prompt; PDFs and images are to be uploaded. `maxLength` limits the prompt, in characters.
 * @throws UsageError for a file
 */
export function withFiles(
  prompt: string,
  paths: readonly string[],
  maxLength: number,
): { readonly prompt: string; readonly files: readonly FileToSend[] } {
  let left = maxLength - [...prompt].length;
  const texts: string[] = [];
  const files: FileToSend[] = [];
  for (const path of paths) {
    const read = readFile(path, maxLength);
    if (typeof read !== 'string') {
      files.push({ type: 'file', path, content: read });
      continue;
    }
    const part = describeFile(path, read);
    left -= [...part].length + 2;
    if (left < 0)
      throw new UsageError(
        `The prompt would be too long with --file ${path}: at most ${maxLength} characters, files included. The agent can read files of its workspace itself: name the path in the prompt.`,
      );
    texts.push(part);
  }
  return { prompt: [prompt, ...texts].join('\n\n'), files };
}

/** @throws UsageError for a file that cannot be read */
export function readImages(paths: readonly string[]): readonly FileToSend[] {
  return paths.map((path) => {
    const content = readUpTo('--image', path, () => maxUpload);
    if (content === undefined) throw new UsageError(`--image ${path} is too large.`);
    return { type: 'image', path, content };
  });
}

/** Uploads the files, one after the other. */
export async function upload(
  client: CodeBuddyClient,
  files: readonly FileToSend[],
  signal: AbortSignal,
): Promise<readonly PartInput[]> {
  const parts: PartInput[] = [];
  for (const { type, path, content } of files) {
    const { id } = await client.uploads.create(content, { name: basename(path), signal });
    parts.push({ type, fileId: id });
  }
  return parts;
}

/** The server has a limit of its own. */
const maxUpload = 104_857_600;

function describeFile(path: string, text: string): string {
  // Longer than any fence in the text.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `File ${path}:\n${fence}\n${text}${text.endsWith('\n') || text === '' ? '' : '\n'}${fence}`;
}

/**
 * The text of a text file, or the bytes of a PDF or an image. Reads no more than needed to see that a file is too large:
 * it may be endless.
 */
function readFile(path: string, maxLength: number): string | Uint8Array<ArrayBuffer> {
  // A character has 4 bytes at most.
  const bytes = readUpTo('--file', path, (start) => (isBinary(start) ? maxUpload : maxLength * 4));
  if (bytes === undefined)
    throw new UsageError(`--file ${path} is too large: a prompt has ${maxLength} characters at most.`);
  if (isBinary(bytes)) return bytes;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new UsageError(`--file ${path} is neither a text file in UTF-8 nor a PDF or an image.`);
}

/** A PDF, PNG, JPEG, GIF or WebP. */
const binaryStart = /^(%PDF-|\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP)/s;

function isBinary(bytes: Buffer): boolean {
  return binaryStart.test(bytes.subarray(0, 16).toString('latin1'));
}

/** Undefined if there are more bytes than `limitOf` returns for the first ones. */
function readUpTo(
  flag: string,
  path: string,
  limitOf: (start: Buffer) => number,
): Buffer<ArrayBuffer> | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (fstatSync(file).isDirectory()) throw new UsageError(`${flag} ${path} is a folder, not a file.`);
    const chunks: Buffer[] = [];
    for (let total = 0, maxBytes = 0; total <= maxBytes; ) {
      const chunk = Buffer.alloc(64 * 1024);
      const length = readSync(file, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
      if (total === 0) maxBytes = limitOf(chunk.subarray(0, length));
      total += length;
    }
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${flag} ${path} cannot be read: ${fileFault(error)}.`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
