// What the server keeps for itself: no tool sees it, no command in the sandbox does, and the watcher is silent about it. An entry is an absolute
// path; one that ends in `*` also stands for every copy beside it: SQLite's `-wal`, a lock, a file that is being written or was set aside, an
// editor's backup.

import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isInFolder } from '../base/is-in-folder.ts';

export interface OwnFiles {
  /** `path` is absolute, without links. */
  includes(path: string): boolean;
  /** Those that are there now, as real paths. */
  list(): Promise<readonly string[]>;
}

interface CopyRule {
  readonly folder: string;
  readonly isCopy: (name: string) => boolean;
}

/** Links in the entries are followed, also for what is not there yet. */
export async function openOwnFiles(entries: readonly string[]): Promise<OwnFiles> {
  const exact = new Set<string>();
  const rules: CopyRule[] = [];
  for (const entry of entries) {
    const path = withoutStar(entry);
    // A link is ours, and so is what it leads to: writers of either leave copies beside it.
    for (const place of new Set([await besideReal(path), await realOf(path)])) {
      exact.add(place);
      if (hasStar(entry)) rules.push({ folder: dirname(place), isCopy: copiesOf(basename(place)) });
    }
  }

  return {
    includes(path) {
      for (const own of exact) if (isInFolder(path, own)) return true;
      return rules.some(({ folder, isCopy }) => {
        const start = folder.endsWith(sep) ? folder : folder + sep;
        if (!path.startsWith(start)) return false;
        const [name = ''] = path.slice(start.length).split(sep, 1);
        return isCopy(name);
      });
    },
    async list() {
      const found = new Set(exact);
      for (const { folder, isCopy } of rules) {
        // A folder that is not there, or may not be read, holds nothing that a tool could read.
        const names = await readdir(folder).catch((): string[] => []);
        for (const name of names) if (isCopy(name)) found.add(join(folder, name));
      }
      return [...found];
    },
  };
}

/** The paths of entries without their mark, for who needs paths alone. */
export function withoutStar(entry: string): string {
  return hasStar(entry) ? entry.slice(0, -1) : entry;
}

export function hasStar(entry: string): boolean {
  return entry.endsWith('*');
}

/**
 * Whether a name is `name` itself or that of a copy. What follows `name` begins with a mark (`-wal`, `.corrupt-…`, `~`, ` (copy)`), never with a
 * letter or digit; editors put `.`, `#` or `.#` before it. Without an extension `name` may begin the name of an ordinary file (`data`,
 * `data.ts`), so only endings that are known count then.
 */
export function copiesOf(name: string): (other: string) => boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const isDistinct = /.\.|^api-key$/.test(name);
  const rest = isDistinct
    ? '[^A-Za-z0-9].*'
    : String.raw`(?:-(?:wal|shm|journal|mj).*|[~ (#].*|\.(?:lock|owner|new|tmp|corrupt|bak|backup|old|orig|save|swp|swo|\d).*)`;
  // Some file systems do not tell upper from lower case.
  // redos: anchored, `quoted` is an escaped text, and the only repetition is one `.*` at the end
  const pattern = new RegExp(`^(?:\\.#?|#|~\\$?)?${quoted}(?:${rest})?$`, 'isu');
  return (other) => pattern.test(other);
}

/** What cannot be looked at is not taken for missing: it would not be hidden where it really is. */
async function realIfThere(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The folder resolved, the name as it is. */
async function besideReal(path: string): Promise<string> {
  return join((await realIfThere(dirname(path))) ?? dirname(path), basename(path));
}

/** Also of what is not there yet. */
async function realOf(path: string): Promise<string> {
  return (await realIfThere(path)) ?? besideReal(path);
}
