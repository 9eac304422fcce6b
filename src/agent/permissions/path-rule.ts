// Rules for our own file tools. Names are compared in Unicode's composed form (NFC). A bracket that is a whole path segment (`app/[id]`) is
// often a name: it forbids under both readings, and allows only the name.

import { translateGlob } from '../tools/glob-pattern.ts';
import { compileLinear } from '../tools/linear-pattern.ts';

/** What a call of a file tool names. Paths are relative to the workspace, with `/`. */
export interface FileTarget {
  readonly kind: 'file';
  readonly path: string;
  /** Through all links; undefined if it cannot be told. */
  readonly realPath: string | undefined;
  /** The file has further names (hard links). */
  readonly isShared: boolean;
  /** Those of its further names that a deny rule matches; undefined if they cannot be told. */
  readonly otherNames: readonly string[] | undefined;
}

/** Only the real path counts. A file with several names may be one that the pattern does not mean. */
export function allowsPath(pattern: string, { realPath, isShared }: FileTarget): boolean {
  if (realPath === undefined || isShared) return false;
  return realPath === pattern || compilePattern(pattern, 'allow')(realPath);
}

/** Any of its names counts; what cannot be told is forbidden. */
export function forbidsPath(pattern: string, { path, realPath, otherNames }: FileTarget): boolean {
  if (realPath === undefined || otherNames === undefined) return true;
  return [path, realPath, ...otherNames].some((name) => forbidsName(pattern, name));
}

/** One name alone, without looking for others. Letter case is ignored: on many file systems `.ENV` and `.env` are one file. */
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
  // A plain name of a folder stands for what is in it as well, if it forbids.
  const coversInside = isFolder || (effect === 'deny' && !/[*?{]/.test(glob));
  // A name without `/` is meant at any depth.
  const isAnchored = glob.includes('/') || /^\.?\//.test(pattern) || (isFolder && effect === 'allow');
  const anchored = isAnchored ? glob : `**/${glob}`;
  const source = translateGlob(anchored, { segments: effect === 'allow' ? 'name' : 'both' });
  try {
    const { matches } = compileLinear(`^(?:${source})${coversInside ? '(?:/(?s:.*))?' : ''}$`, {
      ignoreCase: effect === 'deny',
    });
    // The root has no name that a pattern such as `.*` could mean.
    const coversRoot = /^(\.|\*|\*\*|\*\*\/\*)$/.test(trimmed);
    return (name) => (name === '.' ? coversRoot : matches(name.normalize('NFC')));
  } catch {
    // Not a pattern: it cannot be decided. `checkPathPattern` says so at the start.
    return () => effect === 'deny';
  }
}

/** Undefined if the pattern makes sense. */
export function checkPathPattern(pattern: string): string | undefined {
  if (pattern.length > 1000) return 'is longer than 1000 characters';
  try {
    compileLinear(translateGlob(pattern, { segments: 'both' }), { ignoreCase: false });
    return undefined;
  } catch (error) {
    return `is not a glob pattern: ${error instanceof Error ? error.message : String(error)}`;
  }
}
