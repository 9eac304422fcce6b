// Follows symbolic links one at a time. The file of a registry may be a link into a repository of settings, or lie on a mounted
// volume that is updated by changing a link, so a change can happen at each step.

import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, parse, sep } from 'node:path';

export interface Place {
  readonly folder: string;
  readonly name: string;
}

/** The limit of Linux. */
const mostLinks = 40;

/** `path`, then the target of each link on the way; the last one need not exist. */
export function linkChain(path: string): readonly Place[] {
  const chain: Place[] = [];
  let folder = existingFolder(dirname(path));
  let rest = [basename(path)];
  for (let links = 0; links <= mostLinks; ) {
    const name = rest.shift();
    if (name === undefined) break;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      folder = dirname(folder);
      continue;
    }
    const link = readLink(join(folder, name));
    if (link === undefined && rest.length > 0) {
      folder = join(folder, name);
      continue;
    }
    chain.push({ folder, name });
    if (link === undefined) break;
    links++;
    if (isAbsolute(link)) folder = parse(link).root;
    rest = [...link.slice(isAbsolute(link) ? parse(link).root.length : 0).split(sep), ...rest];
  }
  return chain;
}

/** Resolves `path`, even if the target does not exist yet. */
export function resolveLinks(path: string): string {
  const last = linkChain(path).at(-1);
  return last === undefined ? path : join(last.folder, last.name);
}

function existingFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    // The caller gets the error of the missing folder when it uses the path.
    return folder;
  }
}

function readLink(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    // It does not exist or cannot be read: the chain ends here.
    return undefined;
  }
}
