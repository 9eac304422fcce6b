// A folder on a real disk: the temporary folder of many machines is memory, where an fsync costs nothing.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs `work` in a new folder beside the checkout's modules (which git and tools leave alone), and removes it. */
export async function onDisk<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const cache = fileURLToPath(new URL('../node_modules/.cache', import.meta.url));
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
