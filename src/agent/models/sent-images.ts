// Which images of a conversation are sent, and as what. A pure function of the stored conversation, as long as the
// files are kept.

import type { LanguageModelV4FilePart, LanguageModelV4TextPart } from '@ai-sdk/provider';
import type { LoadedImage } from '../driver.ts';
import type { ImageRef, SentInput, Transcript } from '../transcript.ts';

/** Older ones are named only: providers limit the number and the size of a request (Anthropic: 32 MB in base64). */
const maxImages = 20;
export const maxImagesBytes = 20 * 1024 * 1024;
/** An estimate: providers count 85 to 1600. */
export const tokensPerImage = 1600;

/** What the model gets of the images. */
export interface Sight {
  readonly sees: boolean;
  /** By the id of the file. */
  readonly images: ReadonlyMap<string, LoadedImage>;
}

export const blind: Sight = { sees: false, images: new Map() };

/** Newest first. */
export function newestImages({ turns, results }: Pick<Transcript, 'turns' | 'results'>): readonly ImageRef[] {
  const all: ImageRef[] = [];
  for (const turn of turns) {
    if (turn.kind === 'prompt')
      all.push(...(turn.parts ?? []).flatMap((part) => (part.type === 'image' ? [part] : [])));
    if (turn.kind !== 'answer') continue;
    for (const part of turn.parts)
      if (part.type === 'call') all.push(...(results.get(part.callId)?.images ?? []));
  }
  return all.reverse().slice(0, maxImages);
}

/** The image, or a text in its place. */
export function imagePart(
  { fileId, name }: ImageRef,
  { sees, images }: Sight,
): LanguageModelV4FilePart | LanguageModelV4TextPart {
  const image = images.get(fileId);
  if (!sees || image === undefined)
    return { type: 'text', text: `[The image ${JSON.stringify(name)} is not shown.]` };
  return {
    type: 'file',
    mediaType: image.mediaType,
    data: { type: 'data', data: image.data },
  };
}

/** The parts of a prompt as plain text, for estimates and summaries. */
export function textOfParts(parts: readonly SentInput[] | undefined): string {
  return (parts ?? [])
    .map((part) =>
      part.type === 'text' ? `\n\n${part.text}` : `\n\n[The image ${JSON.stringify(part.name)}]`,
    )
    .join('');
}

export function countImages(parts: readonly SentInput[] | undefined): number {
  return (parts ?? []).filter(({ type }) => type === 'image').length;
}
