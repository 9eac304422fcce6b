// Turns the parts that a client sends into those that a message keeps, with their files; and those of a message into what
// a model reads.

import { CodeBuddyError } from '../../base/errors.ts';
import { fieldName } from '../../base/schema-errors.ts';
import { isBlank, sendable, wellFormed } from '../../base/text.ts';
import type { Part, PartInput } from '../../contract/part.ts';
import type { FileType } from '../../contract/uploaded-file.ts';
import type { Write } from '../../store/store.ts';
import { readRange } from '../tools/read-text.ts';
import type { Workspace } from '../tools/workspace.ts';
import type { SentInput } from '../transcript.ts';
import { asAttachment, readFileText } from './file-text.ts';
import type { Files } from './files.ts';
import { isImageType } from './sniff-file.ts';

/** Characters of the prompt and its text parts together. */
const maxText = 1_048_576;
/** Bytes of all files of one prompt, at most this many times `maxFileSize`. */
const filesAtOnce = 4;

export interface PromptParts {
  /**
   * Reads and checks the parts. The writes keep the new files. `workspace`: that of the session; called for paths only.
   * @throws CodeBuddyError that names the part by its JSON Pointer
   */
  take(
    prompt: string,
    parts: readonly PartInput[],
    workspace: () => Promise<Pick<Workspace, 'openFile'>>,
  ): Promise<{ readonly parts: readonly Part[]; readonly writes: readonly Write[] }>;
  /** As a model reads them. A file that is no longer kept is named. */
  toSend(parts: readonly Part[]): Promise<readonly SentInput[]>;
}

interface Taken {
  readonly part: Part;
  readonly write?: Write;
}

export function createPromptParts(files: Files): PromptParts {
  async function takeOne(input: PartInput, readPath: (path: string) => Promise<Buffer>): Promise<Taken> {
    const { type, text, name } = input;
    const sources = (['fileId', 'url', 'path'] as const).filter((one) => input[one] !== undefined);
    if (type === 'text') {
      if (sources.length > 0 || name !== undefined)
        throw invalid(`/${sources[0] ?? 'name'}`, 'must be left out of a text');
      if (text === undefined || isBlank(text)) throw invalid('/text', 'must be a text that is not blank');
      return { part: { type, text: wellFormed(text) } };
    }
    if (text !== undefined) throw invalid('/text', `must be left out: the part is of the type ${type}`);
    if (sources.length !== 1)
      throw invalid(
        sources.length === 0 ? '' : `/${sources[1]}`,
        'must have exactly one of fileId (an uploaded file), url (a data: URL) and path (a file of the workspace)',
      );
    return takeFile(input, type, readPath);
  }

  async function takeFile(
    { fileId, url, path, name }: PartInput,
    type: 'image' | 'file',
    readPath: (path: string) => Promise<Buffer>,
  ): Promise<Taken> {
    let taken: Taken & { readonly data?: Buffer };
    if (fileId !== undefined) {
      const { file, data } = await at('/fileId', () => files.read(fileId));
      taken = { part: partOf({ ...file, name: name ?? file.name }), data };
    } else {
      const from = url === undefined ? '/path' : '/url';
      const data = url === undefined ? await at(from, () => readPath(path ?? '')) : dataOf(url);
      const row = await at(from, () => files.newRow(data, name ?? path));
      taken = { part: partOf(row), write: { kind: 'putFile', file: row }, data };
    }
    const { part, data = Buffer.alloc(0) } = taken;
    const mediaType = part.mediaType as FileType;
    if (type === 'image' && !isImageType(mediaType))
      throw new CodeBuddyError('unsupported_file_type', `must be an image; its content is ${mediaType}`, {
        errors: [{ in: 'body', pointer: '', message: `must be an image; its content is ${mediaType}` }],
      });
    // Now, while the client can be told.
    if (mediaType === 'application/pdf') await at('', () => readFileText(data, mediaType));
    return taken;
  }

  /** Confined like a tool: links are followed inside the workspace only, and deny rules apply. */
  async function readPath(workspace: Pick<Workspace, 'openFile'>, path: string): Promise<Buffer> {
    const handle = await workspace.openFile(path);
    try {
      const { size } = await handle.stat();
      return await readRange(handle, 0, Math.min(size, files.maxFileSize + 1));
    } finally {
      await handle.close();
    }
  }

  return {
    async take(prompt, inputs, workspace) {
      if (inputs.length === 0) return { parts: [], writes: [] };
      const taken: Taken[] = [];
      let size = 0;
      const readPathIn = async (path: string): Promise<Buffer> => readPath(await workspace(), path);
      for (const [index, input] of inputs.entries()) {
        const one = await at(`/parts/${index}`, () => takeOne(input, readPathIn));
        taken.push(one);
        size += one.part.size ?? 0;
        if (size > filesAtOnce * files.maxFileSize)
          throw new CodeBuddyError(
            'file_too_large',
            `The files of a prompt may have ${filesAtOnce * files.maxFileSize} bytes together.`,
            {
              errors: [
                {
                  in: 'body',
                  pointer: `/parts/${index}`,
                  message: 'exceeds the limit together with those before it',
                },
              ],
            },
          );
      }
      const length = taken.reduce((sum, { part }) => sum + (part.text?.length ?? 0), prompt.length);
      if (length > maxText)
        throw named(
          invalid(
            '',
            `must have, with the prompt, at most ${maxText} characters of text; they have ${length}`,
          ),
          '/parts',
        );
      const writes = taken.flatMap(({ write }) => (write === undefined ? [] : [write]));
      if (writes.length > 0)
        await files.requireRoom(
          writes.reduce((sum, write) => sum + (write.kind === 'putFile' ? write.file.size : 0), 0),
        );
      return { parts: taken.map(({ part }) => part), writes };
    },
    toSend: (parts) => Promise.all(parts.map((part) => toSend(files, part))),
  };
}

async function toSend(
  files: Files,
  { type, text = '', fileId = '', name = '', mediaType }: Part,
): Promise<SentInput> {
  if (type === 'text') return { type, text: sendable(text) };
  if (type === 'image') return { type, fileId, name };
  try {
    const { file, data } = await files.read(fileId);
    return {
      type: 'text',
      text: asAttachment({ name, mediaType: file.mediaType }, await readFileText(data, file.mediaType)),
    };
  } catch (error) {
    if (!(error instanceof CodeBuddyError)) throw error;
    if (error.code !== 'upload_not_found' && error.code !== 'file_unreadable') throw error;
    return { type: 'text', text: `[The file ${JSON.stringify(name)} (${mediaType}) is no longer kept.]` };
  }
}

export function partOf(file: {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
}): Part {
  const mediaType = file.mediaType as FileType;
  const { id: fileId, name, size, sha256 } = file;
  return { type: isImageType(mediaType) ? 'image' : 'file', fileId, name, mediaType, size, sha256 };
}

/** The pointers of the parts with an image. */
export function imagePointers(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ type }, index) => (type === 'image' ? [`/parts/${index}`] : []));
}

/** RFC 2397. */
function dataOf(url: string): Buffer {
  const [, , base64, body = ''] = /^data:([^,]*?)(;base64)?,(.*)$/is.exec(url) ?? [];
  if (!/^data:/i.test(url) || body === '')
    throw invalid(
      '/url',
      'must be a data: URL with content, such as data:image/png;base64,…. Upload larger files with POST /api/files',
    );
  if (base64 === undefined) {
    try {
      return Buffer.from(decodeURIComponent(body));
    } catch {
      throw invalid('/url', 'has a % that is not followed by two hexadecimal digits');
    }
  }
  const clean = body.replaceAll(/%3d/gi, '=').replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(clean)) throw invalid('/url', 'must have base64 after the comma');
  return Buffer.from(clean, 'base64');
}

function invalid(pointer: string, message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', message, { errors: [{ in: 'body', pointer, message }] });
}

/** Adds the place to the error. */
async function at<T>(pointer: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof CodeBuddyError ? named(error, pointer) : error;
  }
}

function named(error: CodeBuddyError, pointer: string): CodeBuddyError {
  const message = error.errors?.[0]?.message ?? error.message;
  const whole = `${pointer}${error.errors?.[0]?.pointer ?? ''}`;
  const isLast = whole.startsWith('/parts');
  const colon = /^(must|has|exceeds) /.test(message) ? '' : ':';
  const detail = `${fieldName(whole)}${colon} ${message.replace(/\.$/, '')}.`;
  return new CodeBuddyError(error.code, isLast ? detail : error.message, {
    cause: error,
    errors: [{ in: 'body', pointer: whole, message }],
  });
}
