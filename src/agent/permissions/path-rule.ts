// Rules for the built-in file tools. Names are compared in Unicode's composed form (NFC). A bracket that is a whole
// path segment (`app/[id]`) is often a name: a deny rule applies in both readings, an allow rule only to the name.

import { translateGlob } from '../tools/glob-pattern.ts';
import { compileLinear } from '../tools/linear-pattern.ts';

/** The file of a tool call. Paths are relative to the workspace, with `/`. */
export interface FileTarget {
  readonly kind: 'file';
  readonly path: string;
  /** With all links followed; undefined if it cannot be determined. */
  readonly realPath: string | undefined;
  /** True if the file has other names (hard links). */
  readonly isShared: boolean;
  /** The file's other names that a deny rule matches; undefined if they cannot be determined. */
  readonly otherNames: readonly string[] | undefined;
}

/** Checks only the real path. Never allows a file with several names: the pattern may not match all of them. */
export function allowsPath(pattern: string, { realPath, isShared }: FileTarget): boolean {
  if (realPath === undefined || isShared) return false;
  return realPath === pattern || compilePattern(pattern, 'allow')(realPath);
}

/** Checks every name of the file. Forbids a file whose names cannot be determined. */
export function forbidsPath(pattern: string, { path, realPath, otherNames }: FileTarget): boolean {
  if (realPath === undefined || otherNames === undefined) return true;
  return [path, realPath, ...otherNames].some((name) => forbidsName(pattern, name));
}

/** Judges one name. Letter case is ignored: on many file systems `.ENV` and `.env` are the same file. */
export function forbidsName(pattern: string, name: string): boolean {
  return name === pattern || compilePattern(pattern, 'deny')(name);
}

type Effect = 'allow' | 'deny';
const compiled = new Map<string, (name: string) => boolean>();
const maxCompiled = 1000;

function compilePattern(pattern: string, effect: Effect): (name: string) => boolean {
  const key = `${effect} ${pattern}`;
  let matches = compiled.get(key);
  if (matches === undefined) {
    matches = compile(pattern, effect);
    if (compiled.size >= maxCompiled) compiled.clear();
    compiled.set(key, matches);
  }
  return matches;
}

function compile(pattern: string, effect: Effect): (name: string) => boolean {
  const trimmed = pattern.normalize('NFC').replace(/^\.?\//, '');
  const isFolder = trimmed.endsWith('/');
  const glob = isFolder ? trimmed.slice(0, -1) : trimmed;
  // A deny rule with a plain folder name also covers what is in the folder.
  const coversInside = isFolder || (effect === 'deny' && !/[*?{]/.test(glob));
  // A name without `/` matches at any depth.
  const isAnchored = glob.includes('/') || /^\.?\//.test(pattern) || (isFolder && effect === 'allow');
  const anchored = isAnchored ? glob : `**/${glob}`;
  const source = translateGlob(anchored, { segments: effect === 'allow' ? 'name' : 'both' });
  try {
    const { matches } = compileLinear(`^(?:${source})${coversInside ? '(?:/(?s:.*))?' : ''}$`, {
      ignoreCase: effect === 'deny',
    });
    // The root is `.`, which a pattern such as `.*` must not match.
    const coversRoot = /^(\.|\*|\*\*|\*\*\/\*)$/.test(trimmed);
    return (name) => (name === '.' ? coversRoot : matches(name.normalize('NFC')));
  } catch {
    // An invalid pattern forbids. `checkPathPattern` reports it at the start.
    return () => effect === 'deny';
  }
}

/** Returns the fault of the pattern; undefined if it is valid. */
export function checkPathPattern(pattern: string): string | undefined {
  if (pattern.length > 1000) return 'is longer than 1000 characters';
  try {
    compileLinear(translateGlob(pattern, { segments: 'both' }), { ignoreCase: false });
    return undefined;
  } catch (error) {
    return `is not a glob pattern: ${error instanceof Error ? error.message : String(error)}`;
  }
}
