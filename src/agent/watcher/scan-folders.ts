// Walks a folder and the ones below: folders by breadth, a few at a time, their entries in portions, without what is left out and without
// following links. The rules of a folder are read before its entries.

import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isGone } from './file-state.ts';
import type { IgnoreRules } from './ignore-rules.ts';
import { inTurns } from './in-turns.ts';

const entriesPerPortion = 128;

export interface ScanOptions {
  readonly root: string;
  readonly rules: IgnoreRules;
  readonly signal: AbortSignal;
  /** Before its entries are read. */
  readonly onFolder: (path: string) => void;
  readonly onFile: (path: string) => void;
  /** A folder that is left out, or may not be read. */
  readonly onSkipped?: (path: string) => void;
}

export async function scanFolders(start: string, options: ScanOptions): Promise<void> {
  const { signal } = options;
  for (let layer: readonly string[] = [start]; layer.length > 0 && !signal.aborted; ) {
    const next: string[] = [];
    await inTurns(layer, signal, (folder) => scanFolder(folder, options, next));
    layer = next;
  }
}

async function scanFolder(folder: string, options: ScanOptions, next: string[]): Promise<void> {
  const { root, rules, signal, onFolder, onFile, onSkipped } = options;
  onFolder(folder);
  await rules.load(folder);
  try {
    for await (const entry of await opendir(join(root, folder), { bufferSize: entriesPerPortion })) {
      if (signal.aborted) return;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (rules.isIgnored(path, true)) onSkipped?.(path);
        else next.push(path);
      } else if (entry.isFile() && !rules.isIgnored(path, false)) onFile(path);
    }
  } catch (error) {
    // Gone while we walk, or not for us: neither ends the walk.
    if (isGone(error)) return;
    if (!isForbidden(error)) throw error;
    onSkipped?.(folder);
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');
}
