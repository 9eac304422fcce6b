// A program in place of bubblewrap, for behaviour that the real one shows only on other machines.

import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { temporaryFolder } from '../start-agent.ts';

/** Runs the command after `--` and reports like bubblewrap. */
export const passOn =
  'while [ "$1" != "--" ]; do shift; done; shift; "$@"; code=$?; echo "{ \\"exit-code\\": $code }" >&4; exit $code';

export const noPermission = 'echo "bwrap: No permissions to create new namespace" >&2; exit 1';
export const noSpace =
  'echo "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)" >&2; exit 1';

export interface StandIn {
  /** A PATH with this program and no other bubblewrap. */
  readonly path: string;
  /** The folder of this program. */
  readonly folder: string;
  /** The arguments of each start. */
  starts(): readonly string[];
  /** Changes its behaviour. */
  becomes(script: string): void;
  remove(): void;
}

/** `first`: the scripts of its first starts, one each. `then`: the script of all later starts. */
export function standIn(then: string, first: readonly string[] = []): StandIn {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const program = join(folder, 'bwrap');
  const log = join(folder, 'seen');
  const becomes = (script: string, before: readonly string[] = []): void => {
    const cases = before.map((one, index) => `${index + 1}) ${one} ;;`).join('\n');
    writeFileSync(
      program,
      `#!/bin/sh\nprintf '%s\\n' "$(echo "$*" | tr '\\n' ' ')" >> ${log}\ncase $(wc -l < ${log} | tr -d ' ') in\n${cases}\n*) ${script} ;;\nesac\n`,
    );
    chmodSync(program, 0o755);
  };
  becomes(then, first);
  return {
    path: `${folder}${delimiter}${pathWithout()}`,
    folder,
    starts: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    becomes,
    remove: () => rmSync(program),
  };
}

/** A PATH with the programs that these tests need, but without bubblewrap. */
export function pathWithout(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  for (const name of [
    'bash',
    'cat',
    'mount',
    'rm',
    'setsid',
    'sh',
    'sleep',
    'touch',
    'tr',
    'unshare',
    'wc',
  ]) {
    const found = (process.env.PATH ?? '')
      .split(delimiter)
      .map((place) => join(place, name))
      .find((place) => existsSync(place));
    if (found !== undefined) symlinkSync(found, join(folder, name));
  }
  return folder;
}
