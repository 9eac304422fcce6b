// Finds the programs that the server itself starts. A name is looked up in a PATH that is fixed at the start, and only
// in folders that the agent cannot write: `npx` puts WORKSPACE/node_modules/.bin first in PATH, and a program planted
// there must not run as the server.

import { accessSync, constants, lstatSync, readlinkSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, parse, sep } from 'node:path';

export interface ProgramFinder {
  /** The trusted part of PATH, for programs that look up others: `npx` looks up `node`. */
  readonly path: string;
  /**
   * PATH for commands without a sandbox: without relative folders and without `node_modules/.bin` of untrusted folders.
   */
  readonly commandPath: string;
  /** The absolute path of a program; undefined if there is none outside the untrusted folders. */
  find(name: string): string | undefined;
  /** The same for programs of the operating system, never from a `node_modules` folder. */
  findSystem(name: string): string | undefined;
  /** True if the path is in an untrusted folder or leads through one. A missing path is judged by its folders. */
  isUntrusted(path: string): boolean;
}

export interface ProgramFinderOptions {
  /** Relative and empty entries are ignored. @default the usual folders of a POSIX system */
  readonly path: string | undefined;
  /**
   * Folders that the agent may write. Compared by device and inode, so that another spelling of the path does not evade
   * the check.
   */
  readonly untrusted: readonly string[];
  /** File name extensions of programs. @default those of PATHEXT on Windows, none elsewhere */
  readonly extensions?: readonly string[];
}

/** The limit of Linux. */
const maxLinks = 40;
const standardPath = process.platform === 'win32' ? '' : '/usr/local/bin:/usr/bin:/bin';

export function createProgramFinder({
  path = standardPath,
  untrusted,
  extensions = process.platform === 'win32' ? (process.env.PATHEXT ?? '.EXE;.CMD').split(';') : [''],
}: ProgramFinderOptions): ProgramFinder {
  const forbidden = new Set(untrusted.map(identityOf).filter((identity) => identity !== undefined));
  const entries = path.split(delimiter).filter((folder) => isAbsolute(folder));
  const folders = [...new Set(entries)]
    .map((folder) => attempt(() => resolveTrusted(folder)))
    .filter((folder) => folder !== undefined);
  const found = new Map<string, string>();

  /**
   * Follows each link step by step: a chain through an untrusted folder can be changed later. Undefined if there is
   * one.
   */
  function resolveTrusted(whole: string): string | undefined {
    let { root: at } = parse(whole);
    let rest = whole.slice(at.length).split(sep);
    if (isForbidden(at)) return undefined;
    let links = 0;
    while (rest.length > 0) {
      const [name, ...after] = rest;
      rest = after;
      if (name === undefined || name === '' || name === '.') continue;
      if (name === '..') {
        at = dirname(at);
        continue;
      }
      const next = join(at, name);
      const stats = lstatSync(next, { throwIfNoEntry: false, bigint: true });
      if (stats === undefined || forbidden.has(`${stats.dev}:${stats.ino}`)) return undefined;
      if (!stats.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > maxLinks) return undefined;
      const target = readlinkSync(next);
      if (isAbsolute(target)) {
        at = parse(target).root;
        rest = [...target.slice(at.length).split(sep), ...rest];
      } else rest = [...target.split(sep), ...rest];
    }
    return at;
  }

  function isForbidden(folder: string): boolean {
    const identity = identityOf(folder);
    return identity !== undefined && forbidden.has(identity);
  }

  function look(name: string, where: readonly string[]): string | undefined {
    // Names only: a path would not be looked up, and `..` would lead elsewhere.
    if (name === '' || /[/\\\0]/.test(name)) return undefined;
    for (const folder of where) {
      for (const extension of name.includes('.') ? ['', ...extensions] : extensions) {
        const file = join(folder, name + extension);
        const real = attempt(() => resolveTrusted(file));
        // Not the real path: programs such as BusyBox act by the name they are called by.
        if (real !== undefined && isProgram(real)) return file;
      }
    }
    return undefined;
  }

  function remember(key: string, find: () => string | undefined): string | undefined {
    const known = found.get(key);
    if (known !== undefined) return known;
    const program = find();
    if (program !== undefined) found.set(key, program);
    return program;
  }

  function isUntrusted(file: string): boolean {
    for (let at = file; ; at = dirname(at)) {
      if (attempt(() => lstatSync(at)) !== undefined) return attempt(() => resolveTrusted(at)) === undefined;
      if (dirname(at) === at) return false;
    }
  }

  const systemFolders = folders.filter((folder) => !folder.split(sep).includes('node_modules'));
  return {
    // Never empty: an empty PATH means the working directory.
    path: entries.filter((folder) => !isUntrusted(folder)).join(delimiter) || standardPath,
    commandPath:
      entries
        .filter((folder) => !folder.split(sep).includes('node_modules') || !isUntrusted(folder))
        .join(delimiter) || standardPath,
    find: (name) => remember(`any ${name}`, () => look(name, folders)),
    findSystem: (name) => remember(`system ${name}`, () => look(name, systemFolders)),
    isUntrusted,
  };
}

function identityOf(path: string): string | undefined {
  const stats = attempt(() => statSync(path, { bigint: true }));
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

function isProgram(file: string): boolean {
  return (
    attempt(() => {
      if (!statSync(file).isFile()) return false;
      accessSync(file, constants.X_OK);
      return true;
    }) ?? false
  );
}

/** Undefined for errors of the file system: a folder that cannot be read has no usable program. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
