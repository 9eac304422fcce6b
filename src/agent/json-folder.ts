// Reads a folder of small JSON files that this program wrote.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface JsonFile {
  readonly path: string;
  /** Undefined if the file cannot be read or is not JSON, as when a crash left it half-written. */
  readonly value: unknown;
}

/** Returns an empty list if there is no folder. */
export function readJsonFolder(folder: string | undefined): readonly JsonFile[] {
  if (folder === undefined) return [];
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.map((name) => {
    const path = join(folder, name);
    return { path, value: readJson(path) };
  });
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
