// A folder on a real disk. The temporary folder of many machines is in memory, where an fsync costs nothing.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs `work` in a new folder in node_modules, which git and other tools ignore, and removes it. */
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
