// The content of a message: a string, or parts. Images and files of the user become parts of the prompt.

import type { PartInput } from '../contract/part.ts';
import { unsupportedParameter } from './invalid-parameter.ts';

interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly refusal?: string;
  readonly [field: string]: unknown;
}

/** A part of the prompt, and where the request has it. */
export interface PlacedPart {
  readonly input: PartInput;
  readonly pointer: string;
}

type Given = string | readonly ContentPart[] | null | undefined;

const textTypes: ReadonlySet<string> = new Set(['text', 'input_text', 'output_text', 'summary_text']);

/** @throws CodeBuddyError `unsupported_parameter` for an image, a file or audio */
export function textOf(content: Given, pointer: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map((part, index) => {
      const text = plainText(part);
      if (text !== undefined) return text;
      throw unsupportedParameter(
        `${pointer}/${index}`,
        `has the type ${JSON.stringify(part.type)}. Here, only text is supported.`,
      );
    })
    .join('\n');
}

/**
 * The text, the images and the files of a message of the user.
 * @throws CodeBuddyError `unsupported_parameter` for audio, and for files that are not in the request
 */
export function contentOf(
  content: Given,
  pointer: string,
): { readonly text: string; readonly parts: readonly PlacedPart[] } {
  if (content === null || content === undefined || typeof content === 'string')
    return { text: content ?? '', parts: [] };
  const texts: string[] = [];
  const parts: PlacedPart[] = [];
  for (const [index, part] of content.entries()) {
    const text = plainText(part);
    const place = `${pointer}/${index}`;
    if (text === undefined) parts.push({ input: fileOf(part, place), pointer: place });
    else texts.push(text);
  }
  const text = texts.join('\n');
  // A prompt has text.
  return { text: text.trim() === '' && parts.length > 0 ? '(no text)' : text, parts };
}

function plainText({ type, text, refusal }: ContentPart): string | undefined {
  if (textTypes.has(type)) return text ?? '';
  return type === 'refusal' ? (refusal ?? '') : undefined;
}

function fileOf(part: ContentPart, pointer: string): PartInput {
  const { type } = part;
  if (type === 'image_url' || type === 'input_image') {
    const given = part.image_url;
    return {
      type: 'image',
      url: dataUrl(typeof given === 'string' ? given : fieldOf(given, 'url'), pointer),
    };
  }
  if (type === 'file' || type === 'input_file') {
    const file = type === 'file' ? part.file : part;
    const name = fieldOf(file, 'filename');
    const data = fieldOf(file, 'file_data');
    const url = data === undefined || /^data:/i.test(data) ? data : `data:;base64,${data}`;
    return { type: 'file', url: dataUrl(url, pointer), ...(name ? { name } : {}) };
  }
  throw unsupportedParameter(
    pointer,
    `has the type ${JSON.stringify(type)}, which is not supported. Text, images and files are.`,
  );
}

function dataUrl(url: string | undefined, pointer: string): string {
  if (url !== undefined && /^data:/i.test(url)) return url;
  throw unsupportedParameter(
    pointer,
    'must have its content in the request, as a data: URL. Other URLs and uploaded files are not loaded.',
  );
}

function fieldOf(value: unknown, name: string): string | undefined {
  const field =
    typeof value === 'object' && value !== null
      ? Object.entries(value).find(([key]) => key === name)?.[1]
      : undefined;
  return typeof field === 'string' ? field : undefined;
}
