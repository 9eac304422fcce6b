// Rules are relative to the workspace of a session. A session in a folder of a root must not evade the deny rules and
// the files that run later of the folders above it: they also apply to its paths as seen from there.

import { relative, sep } from 'node:path';
import type { FilesThatRunLater } from '../permissions/files-that-run-later.ts';

/**
 * The prefixes that lead to the paths of `folder` as seen from itself and from each folder above it, up to `root`:
 * `''`, `b/` and `a/b/` for `ROOT/a/b`.
 */
export function basesOf(root: string, folder: string): readonly string[] {
  const segments = relative(root, folder)
    .split(sep)
    .filter((segment) => segment !== '');
  return ['', ...segments.map((_, index) => `${segments.slice(segments.length - index - 1).join('/')}/`)];
}

/** The path as seen from one of the bases. */
export function fromBase(base: string, path: string): string {
  if (base === '') return path;
  return path === '.' ? base.slice(0, -1) : base + path;
}

/** The list for a folder with these bases. */
export function rebaseList(list: FilesThatRunLater, bases: readonly string[]): FilesThatRunLater {
  if (bases.length <= 1) return list;
  return {
    match(path) {
      for (const base of bases) {
        const found = list.match(fromBase(base, path));
        if (found !== undefined && (found.kind !== 'tell' || base === ''))
          return { ...found, top: found.top.startsWith(base) ? found.top.slice(base.length) : path };
      }
      return undefined;
    },
    matchExactly: (path) =>
      bases.map((base) => list.matchExactly(fromBase(base, path))).find((found) => found !== undefined),
    isNamedBy: (pattern) => list.isNamedBy(pattern),
  };
}
