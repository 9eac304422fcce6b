// The entries of a registry file as a move takes them: each as it is, also those that a start would refuse.

import type { MovedEntry } from '../store/moved-tables.ts';
import { readUncheckedFile } from './unchecked-file.ts';

/** @throws Error that names the file if it cannot be used as a whole */
export function entriesToMove(path: string, plural: string): readonly MovedEntry[] {
  return [...readUncheckedFile(path, plural).entries.values()].map(({ id, raw }) => ({
    id,
    runId: null,
    entry: JSON.stringify(raw),
  }));
}
