// The interface through which the workspace checks deny rules. permissions/file-deny-rules.ts implements them.

import type { Stats } from 'node:fs';

/** Paths are real paths relative to the workspace, with `/`. */
export interface FileDenyRules {
  /** True if a rule denies this path to the tool. */
  denies(tool: string, path: string): boolean;
  /** The path as seen from folders above the workspace whose rules apply, too. */
  fromBases(path: string): readonly string[];
  /** Judges an open file by all its names. */
  mayRead(root: string, path: string, stats: Stats): Promise<boolean>;
  /** The same before a write. `stats`: of the file that is there now, if any. */
  mayWrite(root: string, path: string, stats: Stats | undefined): Promise<boolean>;
  /** The file's names that some rule denies; undefined if they cannot be determined. */
  otherNames(root: string, stats: Stats): Promise<readonly string[] | undefined>;
}
