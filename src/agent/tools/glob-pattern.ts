// Glob patterns as linear-time regular expressions. The usual libraries compile to backtracking expressions with
// look-ahead; a hostile pattern (`*a*a*a*a*a*b`) makes those run for minutes.

import { CodeBuddyError, exhaustionOf } from '../../base/errors.ts';
import { compileLinear } from './linear-pattern.ts';

/**
 * Supports `*`, `?`, `**`, `[a-z]`, `[!a-z]` and `{a,b}`. A pattern without `/` matches the name at any depth. Unicode
 * normal forms of a name are equal. `orLiteral`: brackets and braces also match themselves, as in `app/[id]/page.tsx`.
 * @throws CodeBuddyError `validation_failed` naming the pattern
 */
export function compileGlob(
  glob: string,
  { orLiteral = false }: { readonly orLiteral?: boolean } = {},
): (path: string) => boolean {
  if (glob.length > 1000) throw badPattern('is longer than 1000 characters');
  const anchored = (glob.includes('/') ? glob.replace(/^\.?\//, '') : `**/${glob}`).normalize();
  const readings = [translateGlob(anchored, { orLiteral })];
  if (orLiteral && anchored.includes('{'))
    readings.push(translateGlob(anchored, { orLiteral, hasBraces: false }));
  try {
    const { matches } = compileLinear(`^(?:${readings.join('|')})$`, { ignoreCase: false });
    return (path) => matches(path.normalize());
  } catch (cause) {
    if (exhaustionOf(cause) !== undefined) throw cause;
    throw badPattern('is not a glob pattern', cause);
  }
}

function badPattern(message: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `The glob pattern ${message}.`, {
    cause,
    errors: [{ in: 'body', pointer: '/pattern', message }],
  });
}

/** Also matches line breaks, which can be part of a name. */
const anything = '(?s:.*)';

/**
 * The meaning of a bracket that is a whole path segment: one of its characters, the name as written (`app/[id]`), or
 * either.
 */
export type BracketSegments = 'class' | 'name' | 'both';

export interface GlobReading {
  /** @default 'class' */
  readonly segments?: BracketSegments;
  /** Brackets anywhere also match themselves. @default false */
  readonly orLiteral?: boolean;
  /** Braces hold alternatives; otherwise they are plain characters. @default true */
  readonly hasBraces?: boolean;
}

/** The source of the regular expression for a glob, without anchors. */
export function translateGlob(glob: string, reading: GlobReading = {}): string {
  const { segments = 'class', orLiteral = false, hasBraces = true } = reading;
  let source = '';
  let depth = 0;
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i] as string;
    if (char === '*' && glob[i + 1] === '*') {
      const wholeSegment = (i === 0 || glob[i - 1] === '/') && (i + 2 === glob.length || glob[i + 2] === '/');
      if (wholeSegment && glob[i + 2] === '/') {
        source += '(?:[^/]+/)*';
        i += 2;
      } else {
        source += wholeSegment ? anything : '[^/]*';
        i += 1;
      }
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const segment = segments === 'class' ? undefined : bracketSegment(glob, i);
      const end = glob.indexOf(']', i + 2);
      if (segment !== undefined) {
        const name = escapeLiterals(segment);
        source += segments === 'both' && isClass(segment) ? `(?:${name}|${translateGlob(segment)})` : name;
        i += segment.length - 1;
      } else if (end === -1) source += '\\[';
      else {
        const body = glob.slice(i + 1, end).replace(/[\\[\]^&~]/g, '\\$&');
        const set = body.startsWith('!') ? `[^/${body.slice(1)}]` : `[${body}]`;
        const literal = Array.from(glob.slice(i, end + 1), escapeLiteral).join('');
        source += orLiteral ? `(?:${set}|${literal})` : set;
        i = end;
      }
    } else if (char === '{' && hasBraces) {
      depth++;
      source += '(?:';
    } else if (char === '}' && depth > 0) {
      depth--;
      source += ')';
    } else if (char === ',' && depth > 0) source += '|';
    else if (char === '\\' && i + 1 < glob.length) source += escapeLiteral(glob[++i] as string);
    else source += escapeLiteral(char);
  }
  return source;
}

/** The whole segment that begins at `start`, if it also ends with a bracket. */
function bracketSegment(glob: string, start: number): string | undefined {
  if (start > 0 && !'/{,'.includes(glob[start - 1] as string)) return undefined;
  const [segment = ''] = /^[^/{},]*/.exec(glob.slice(start, start + 256)) ?? [];
  return segment.length > 2 && segment.endsWith(']') ? segment : undefined;
}

/** `[user-id]` can only be a name: as a class, its range `r-i` would run backwards. */
function isClass(segment: string): boolean {
  try {
    compileLinear(translateGlob(segment), { ignoreCase: false });
    return true;
  } catch {
    // RE2 has no other reason to refuse it.
    return false;
  }
}

function escapeLiterals(text: string): string {
  return [...text].map(escapeLiteral).join('');
}

function escapeLiteral(char: string): string {
  return /[\\^$.|?*+()[\]{}]/.test(char) ? `\\${char}` : char;
}

/**
 * Makes a pattern that begins with the workspace's absolute path relative to the workspace; undefined for other
 * patterns.
 */
export function globInside(glob: string, roots: readonly string[]): string | undefined {
  const pattern = glob.normalize();
  for (const root of roots) {
    const prefix = `${root.replaceAll('\\', '/').replace(/\/$/, '')}/`.normalize();
    if (pattern.startsWith(prefix)) return `./${pattern.slice(prefix.length)}`;
  }
  return undefined;
}
