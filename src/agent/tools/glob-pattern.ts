// Glob patterns as linear-time regular expressions. The usual libraries compile to backtracking expressions with look-ahead, which a
// hostile pattern (`*a*a*a*a*a*b`) makes run for minutes; RE2 cannot be made to.

import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { CodeBuddyError } from '../../errors.ts';

const require = createRequire(import.meta.url);

/** RE2 takes 6 ms to load: only with the first pattern. */
export function compileLinear(
  source: string,
  flags: { readonly ignoreCase: boolean },
): (text: string) => boolean {
  const { RE2JS } = require('re2js') as typeof Re2;
  const pattern = RE2JS.compile(source, flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  return (text) => pattern.matcher(text).find();
}

/**
 * Knows `*`, `?`, `**`, `[a-z]`, `[!a-z]` and `{a,b}`; a pattern without `/` matches the name at any depth. Names are the same in each
 * Unicode normal form. `orLiteral`: brackets and braces also stand for themselves, as in `app/[id]/page.tsx`.
 * @throws CodeBuddyError `validation_failed` naming the pattern
 */
export function compileGlob(
  glob: string,
  { orLiteral = false }: { readonly orLiteral?: boolean } = {},
): (path: string) => boolean {
  if (glob.length > 1000) throw badPattern('is longer than 1000 characters');
  const anchored = (glob.includes('/') ? glob.replace(/^\.?\//, '') : `**/${glob}`).normalize();
  const readings = [translate(anchored, orLiteral, true)];
  if (orLiteral && anchored.includes('{')) readings.push(translate(anchored, true, false));
  try {
    const matches = compileLinear(`^(?:${readings.join('|')})$`, { ignoreCase: false });
    return (path) => matches(path.normalize());
  } catch (cause) {
    throw badPattern('is not a glob pattern', cause);
  }
}

function badPattern(message: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `The glob pattern ${message}.`, {
    cause,
    errors: [{ in: 'body', pointer: '/pattern', message }],
  });
}

/** `hasBraces`: braces hold alternatives; else they are names' characters. */
function translate(glob: string, orLiteral: boolean, hasBraces: boolean): string {
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
        source += wholeSegment ? '.*' : '[^/]*';
        i += 1;
      }
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = glob.indexOf(']', i + 2);
      if (end === -1) source += '\\[';
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

function escapeLiteral(char: string): string {
  return /[\\^$.|?*+()[\]{}]/.test(char) ? `\\${char}` : char;
}

/** A pattern that begins with the workspace's own absolute path, relative to the workspace; undefined for others. */
export function globInside(glob: string, roots: readonly string[]): string | undefined {
  const pattern = glob.normalize();
  for (const root of roots) {
    const prefix = `${root.replaceAll('\\', '/').replace(/\/$/, '')}/`.normalize();
    if (pattern.startsWith(prefix)) return `./${pattern.slice(prefix.length)}`;
  }
  return undefined;
}
