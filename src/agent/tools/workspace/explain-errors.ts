// Turns errors of the file system into errors that name the path as the caller gave it. For a missing file they also
// name files with similar names.

import { lstat, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { CodeBuddyError } from '../../../base/errors.ts';
import { nearestNames } from '../nearest-names.ts';
import { errnoOf, explainSystemError } from '../system-errors.ts';
import type { Bounds } from './bounds.ts';
import type { FileDenyRules } from './file-deny-rules.ts';
import { quotePath } from './path-errors.ts';
import { readNames } from './read-names.ts';

/** At most this many names of a folder are compared with a missing one: each takes up to 0.1 ms. */
const maxCompared = 2000;

/** Runs `work` and rethrows its errors with a message. */
export type Explain = <T>(path: string, work: () => Promise<T>) => Promise<T>;

export function createExplain(
  { root, isInside, locate, relative: inWorkspace }: Bounds,
  denyRules: FileDenyRules | undefined,
): Explain {
  /** True if the name of a file may be shown to a caller that asked for another file. */
  function maySee(absolute: string): boolean {
    if (!isInside(absolute)) return false;
    const path = inWorkspace(absolute);
    return (
      denyRules === undefined || !['list_directory', 'read_file'].some((tool) => denyRules.denies(tool, path))
    );
  }

  /** Files whose names resemble the missing one, in the folder where it was expected. */
  async function neighboursOf(path: string): Promise<readonly string[]> {
    let folder = root;
    const names = relative(root, locate(path)).split(sep);
    for (const [index, name] of names.entries()) {
      const inside = await realpath(join(folder, name)).catch(() => undefined);
      if (inside !== undefined && isInside(inside)) {
        folder = join(folder, name);
        continue;
      }
      const entries = (await readNames(folder, maxCompared)).filter((entry) => maySee(join(folder, entry)));
      const rest = names.slice(index + 1);
      const near = nearestNames(name, entries).map((entry) => join(folder, entry, ...rest));
      const isThere = await Promise.all(
        near.map((candidate) =>
          lstat(candidate).then(
            () => true,
            () => false,
          ),
        ),
      );
      const whole = near.filter((_, at) => isThere[at]);
      // A folder with a similar name is worth naming even if it lacks the rest of the path.
      return (
        whole.length > 0 ? whole : near.map((candidate) => join(candidate, ...rest.map(() => '..')))
      ).map(inWorkspace);
    }
    return [];
  }

  return async (path, work) => {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof CodeBuddyError) throw cause;
      if (errnoOf(cause) === 'ENOENT') {
        const near = await neighboursOf(path);
        const hint = near.length === 0 ? '' : ` Similar names: ${near.map(quotePath).join(', ')}.`;
        const message = `There is no ${quotePath(path)} in the workspace.${hint}`;
        throw new CodeBuddyError('file_not_found', message, { cause });
      }
      throw explainSystemError(quotePath(path), cause) ?? cause;
    }
  };
}
