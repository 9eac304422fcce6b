// Deny rules for files. They are checked where files are opened, listed and written, for every caller and for every
// name or link of the file.

import type { FileDenyRules } from '../tools/workspace/file-deny-rules.ts';
import { fromBase } from '../workspaces/bases.ts';
import { createNameFinder } from './hard-link-names.ts';
import { forbidsName } from './path-rule.ts';
import { appliesTo, fileTools, type PermissionRule } from './permission-rule.ts';

/** Undefined if no rule denies files by name. `bases`: see workspaces/bases.ts. */
export function createFileDenyRules(
  deny: readonly PermissionRule[],
  bases: readonly string[] = [''],
): FileDenyRules | undefined {
  const patterns = new Map<string, readonly string[]>(
    fileTools.map((tool) => [
      tool,
      deny.flatMap((rule) => (rule.pattern !== undefined && appliesTo(rule, tool) ? rule.pattern : [])),
    ]),
  );
  if ([...patterns.values()].every((all) => all.length === 0)) return undefined;

  const denies = (tool: string, path: string): boolean =>
    (patterns.get(tool) ?? []).some((pattern) =>
      bases.some((base) => forbidsName(pattern, fromBase(base, path))),
    );
  const finder = createNameFinder((path) => fileTools.some((tool) => denies(tool, path)));

  return {
    denies,
    fromBases: (path) => bases.slice(1).map((base) => fromBase(base, path)),
    otherNames: (root, stats) => finder(root, stats),
    async mayRead(root, path, stats) {
      if (denies('read_file', path)) return false;
      if (stats.nlink < 2 || patterns.get('read_file')?.length === 0) return true;
      const names = await finder(root, stats);
      return names !== undefined && !names.some((name) => denies('read_file', name));
    },
    async mayWrite(root, path, stats) {
      if (denies('write_file', path)) return false;
      if (stats === undefined || stats.nlink < 2) return true;
      if (patterns.get('read_file')?.length === 0 && patterns.get('write_file')?.length === 0) return true;
      // All names share one content. A file that may not be read must not be cut off from its other names either.
      const names = await finder(root, stats);
      return (
        names !== undefined && !names.some((name) => denies('write_file', name) || denies('read_file', name))
      );
    },
  };
}
