// The contents of files in the store: compressed, and found by their hash.

import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Store, Write } from '../../store/store.ts';

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

export async function imageWrite(hash: string, content: Buffer, now: number): Promise<Write> {
  const packed = await compress(content, { level: 3 });
  return { kind: 'putFileImage', image: { hash, content: packed.toString('base64'), usedAt: now } };
}

/** Undefined if it is not stored, or not any more. */
export async function readImage(
  { fileHistory }: Pick<Store, 'fileHistory'>,
  hash: string,
): Promise<Buffer | undefined> {
  const row = await fileHistory.getImage(hash);
  return row === undefined ? undefined : decompress(Buffer.from(row.content, 'base64'));
}
