// Files that other programs run later, outside the sandbox and without asking: hooks, editor tasks, CI jobs, settings
// of package managers and of other agents. A write to them decides what the user runs next. Letter case and Unicode
// form do not matter: on macOS and Windows they name the same file.

import { withoutTrailing } from '../../base/without-trailing.ts';
import { compileGlob } from '../tools/glob-pattern.ts';
import { patternWords } from './pattern-words.ts';
import { type RunLater, type RunLaterKind, runLaterTable } from './run-later-table.ts';

/** `top`: the file itself, or the listed folder that contains it. */
export interface RunLaterMatch {
  readonly kind: RunLaterKind;
  readonly runBy: string;
  readonly top: string;
}

export interface FilesThatRunLater {
  /** `path`: relative to the workspace, with `/`. Undefined for an ordinary file. */
  match(path: string): RunLaterMatch | undefined;
  /** The same for this path alone, without looking at the folders above it. */
  matchExactly(path: string): Pick<RunLater, 'kind' | 'runBy'> | undefined;
  /**
   * True if the fixed words of a rule's pattern name a listed file or its folder: those of `.git/**` do, those of `**`
   * and `src/**` do not.
   */
  isNamedBy(pattern: string): boolean;
}

/**
 * `extra`: patterns of the setting `protectedPaths`, of the kind `ask`.
 * @throws CodeBuddyError `validation_failed` for an invalid pattern
 */
export function createFilesThatRunLater(extra: readonly string[] = []): FilesThatRunLater {
  const names = new Map<string, RunLater>();
  const paths = new Map<string, RunLater>();
  const others: { readonly fits: (path: string, name: string) => boolean; readonly entry: RunLater }[] = [];

  function add(pattern: string, entry: RunLater): void {
    const folded = fold(pattern.replace(/^\.?\//, '').replace(/\/(?:\*\*)?$/, ''));
    const isAnchored = /[^/]\/./.test(pattern) && !pattern.startsWith('**/');
    const inner = folded.replace(/^\*\*\//, '');
    const isLiteral = !/[*?[\]{}\\]/.test(inner);
    if (isLiteral && isAnchored) paths.set(inner, stricter(paths.get(inner), entry) ?? entry);
    else if (isLiteral && !inner.includes('/')) names.set(inner, stricter(names.get(inner), entry) ?? entry);
    else if (isLiteral) others.push({ entry, fits: (path) => path === inner || path.endsWith(`/${inner}`) });
    else if (!inner.includes('/') && !isAnchored && /^[^*?[\]{}\\]*\*[^*?[\]{}\\]*$/.test(inner)) {
      // One `*` in a name, as in nearly all patterns with a wildcard. Faster than a glob: every file of the workspace
      // is compared with these.
      const [start = '', end = ''] = inner.split('*');
      const least = start.length + end.length;
      others.push({
        entry,
        fits: (_, name) => name.length >= least && name.startsWith(start) && name.endsWith(end),
      });
    } else {
      const fits = compileGlob(isAnchored ? `/${folded}` : folded);
      others.push({ entry, fits: (path) => fits(path) });
    }
  }

  const own: RunLater = {
    kind: 'ask',
    runBy: 'the programs that the setting protectedPaths is meant for',
    patterns: extra,
  };
  for (const entry of [own, ...runLaterTable]) for (const pattern of entry.patterns) add(pattern, entry);

  /** The strictest entry for exactly this folded path. Called for every file of the workspace. */
  function entryOf(path: string): RunLater | undefined {
    const name = path.slice(path.lastIndexOf('/') + 1);
    let best = stricter(names.get(name), paths.get(path));
    for (const { fits, entry } of others)
      if (best?.kind !== 'ask' && fits(path, name)) best = stricter(best, entry);
    return best;
  }

  function match(path: string): RunLaterMatch | undefined {
    const segments = path.split('/');
    let folded = '';
    let entry: RunLater | undefined;
    for (const [index, segment] of segments.entries()) {
      folded = index === 0 ? fold(segment) : `${folded}/${fold(segment)}`;
      entry = entryOf(folded);
      // A folder with the name of a `tell` file does not decide for the files in it.
      if (entry !== undefined && entry.kind !== 'tell')
        return { kind: entry.kind, runBy: entry.runBy, top: segments.slice(0, index + 1).join('/') };
    }
    return entry === undefined ? undefined : { kind: entry.kind, runBy: entry.runBy, top: path };
  }

  return {
    match,
    matchExactly: (path) => entryOf(fold(path)),
    isNamedBy(pattern) {
      // The pattern does not spell this name out.
      const words = patternWords(pattern.replace(/^\.?\//, ''));
      const found = match(words);
      return found !== undefined && found.kind !== 'tell';
    },
  };
}

const strictness: Readonly<Record<RunLaterKind, number>> = { tell: 0, 'ask-only': 1, ask: 2 };

function stricter(left: RunLater | undefined, right: RunLater | undefined): RunLater | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return strictness[right.kind] > strictness[left.kind] ? right : left;
}

/**
 * One spelling for all names of a file. Folds letter case (also long s and the Kelvin sign) and Unicode form. Drops
 * code points that HFS+ ignores, and dots, spaces and stream names at the end of a name, which Windows ignores.
 */
function fold(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII needs no more than lower case.
  if (/^[\x00-\x7f]*$/.test(text) && !/[:. ]$|[:. ]\/|:/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFC')
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFC')
    .split('/')
    .map((segment) => withoutTrailing(segment.split(':', 1)[0] ?? '', '. ') || segment)
    .join('/');
}
