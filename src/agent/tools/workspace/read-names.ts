import { opendir } from 'node:fs/promises';

/**
 * At most `most` names of a folder's entries; none if it cannot be read. Reads in chunks, since a folder may hold
 * millions.
 */
export async function readNames(folder: string, most: number): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 512 })) {
      if (names.push(name) >= most) break;
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
  return names;
}
