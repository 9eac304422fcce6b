// The unified diff of two versions of a file. Loaded when changes are first asked for.

import { formatPatch, structuredPatch } from 'diff';
import { decodeText, detectEncoding } from '../tools/text-encoding.ts';

export type FileDiff =
  | { readonly kind: 'diff'; readonly text: string; readonly additions: number; readonly deletions: number }
  | { readonly kind: 'binary' }
  | { readonly kind: 'too_large' };

/** Of each version, in bytes. */
const maxBytes = 1024 * 1024;
const maxDiffLength = 256 * 1024;
/** The time grows with the product of length and differences, and nothing else runs meanwhile. In ms. */
const timeout = 200;

/** Undefined: the file does not exist. */
export function diffOf(path: string, before: Buffer | undefined, after: Buffer | undefined): FileDiff {
  if ((before?.length ?? 0) > maxBytes || (after?.length ?? 0) > maxBytes) return { kind: 'too_large' };
  const texts = [before, after].map((bytes) => {
    if (bytes === undefined) return '';
    const { encoding } = detectEncoding(bytes);
    return encoding === 'binary' ? undefined : decodeText(bytes, encoding);
  });
  const [left, right] = texts;
  if (left === undefined || right === undefined) return { kind: 'binary' };
  if (left === right) return { kind: 'diff', text: '', additions: 0, deletions: 0 };
  const patch = structuredPatch(
    before === undefined ? '/dev/null' : `a/${path}`,
    after === undefined ? '/dev/null' : `b/${path}`,
    left,
    right,
    undefined,
    undefined,
    { context: 3, timeout },
  );
  if (patch === undefined) return { kind: 'too_large' };
  const lines = patch.hunks.flatMap((hunk) => hunk.lines);
  // Without the line of equals signs that `diff` programs do not print.
  const text = formatPatch(patch).replace(/^=+\n/, '');
  if (text.length > maxDiffLength) return { kind: 'too_large' };
  return {
    kind: 'diff',
    text,
    additions: lines.filter((line) => line.startsWith('+')).length,
    deletions: lines.filter((line) => line.startsWith('-')).length,
  };
}
