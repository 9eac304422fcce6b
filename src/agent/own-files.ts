// The server's own files: hidden from tools and from commands in the sandbox, and ignored by the watcher. An entry is
// an absolute path; one that ends in `*` also covers the copies beside the file: SQLite's `-wal`, a lock, a temporary
// file, a file set aside, an editor's backup.

import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isInFolder } from '../base/is-in-folder.ts';

export interface OwnFiles {
  /** `path` must be absolute, with links resolved. */
  includes(path: string): boolean;
  /** The existing files, as real paths. */
  list(): Promise<readonly string[]>;
}

interface CopyRule {
  readonly folder: string;
  readonly isCopy: (name: string) => boolean;
}

/** Follows links in the entries, also above files that do not exist yet. */
export async function openOwnFiles(entries: readonly string[]): Promise<OwnFiles> {
  const exact = new Set<string>();
  const rules: CopyRule[] = [];
  for (const entry of entries) {
    const path = withoutStar(entry);
    // Both the link and its target: programs that write either leave copies beside it.
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
        // Tools cannot read a missing or unreadable folder either.
        const names = await readdir(folder).catch((): string[] => []);
        for (const name of names) if (isCopy(name)) found.add(join(folder, name));
      }
      return [...found];
    },
  };
}

/** The path of an entry, without the mark. */
export function withoutStar(entry: string): string {
  return hasStar(entry) ? entry.slice(0, -1) : entry;
}

export function hasStar(entry: string): boolean {
  return entry.endsWith('*');
}

/**
 * Returns a test for `name` itself and the names of its copies. A copy adds a suffix that does not start with a letter
 * or digit (`-wal`, `.corrupt-…`, `~`, ` (copy)`), or a prefix of editors (`.`, `#`, `.#`). If `name` has no extension,
 * an ordinary file may begin with it (`data`, `data.ts`), so only known suffixes count.
 */
export function copiesOf(name: string): (other: string) => boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const isDistinct = /.\.|^api-key$/.test(name);
  const rest = isDistinct
    ? '[^A-Za-z0-9].*'
    : String.raw`(?:-(?:wal|shm|journal|mj).*|[~ (#].*|\.(?:lock|owner|new|tmp|corrupt|bak|backup|old|orig|save|swp|swo|\d).*)`;
  // Some file systems ignore letter case.
  // redos: anchored, `quoted` is an escaped text, and the only repetition is one `.*` at the end
  const pattern = new RegExp(`^(?:\\.#?|#|~\\$?)?${quoted}(?:${rest})?$`, 'isu');
  return (other) => pattern.test(other);
}

/** Throws for a path that cannot be examined: treated as missing, it would not be hidden at its real place. */
async function realIfThere(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The path with its folder resolved, and its last name unchanged. */
async function besideReal(path: string): Promise<string> {
  return join((await realIfThere(dirname(path))) ?? dirname(path), basename(path));
}

/** The real path, also of a file that does not exist yet. */
async function realOf(path: string): Promise<string> {
  return (await realIfThere(path)) ?? besideReal(path);
}
