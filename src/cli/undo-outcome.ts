// The outcome of an undo or redo, file by file.

import type { UndoResult } from '../client/index.ts';
import { exitCodes } from './exit-codes.ts';
import { oneLine, print, printTable } from './output.ts';

/** `done`: what happened to the messages. Fails if a file was refused, for `&&` and scripts. */
export function printUndone(
  { files, messages, dryRun }: UndoResult,
  { done, next }: { readonly done: string; readonly next: string | undefined },
): void {
  if (files.length > 0)
    printTable(
      ['FILE', 'OUTCOME', 'REASON'],
      files.map(({ path, outcome, message = '' }) => [path, outcome, oneLine(message)]),
    );
  const count = messages === 1 ? '1 message' : `${messages} messages`;
  print(dryRun ? `Nothing was changed. ${count} would be ${done}.` : `${count} ${done}.`);
  if (!dryRun && next !== undefined) print(next);
  if (files.some(({ outcome }) => outcome === 'refused')) process.exitCode = exitCodes.failed;
}
