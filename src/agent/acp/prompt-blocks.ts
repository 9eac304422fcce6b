// The parts of a prompt as content blocks of the Agent Client Protocol.

import type { DriverContext } from '../driver.ts';

export type PromptBlock =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly mimeType: string; readonly data: string };

/** A run may be resumed after a file was deleted: then the image is named. */
export async function blocksOf({
  promptParts,
  readImage,
}: Pick<DriverContext, 'promptParts' | 'readImage'>): Promise<readonly PromptBlock[]> {
  const parts = await promptParts();
  return Promise.all(
    parts.map(async (part): Promise<PromptBlock> => {
      if (part.type === 'text') return part;
      const image = await readImage(part.fileId);
      return image === undefined
        ? { type: 'text', text: `[The image ${JSON.stringify(part.name)} is no longer kept.]` }
        : { type: 'image', mimeType: image.mediaType, data: Buffer.from(image.data).toString('base64') };
    }),
  );
}
