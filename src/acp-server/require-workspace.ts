// A server works in one folder. An editor that has another one open must not change files there.

import { realpathSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { invalidParams } from './request-errors.ts';
import type { Place } from './server-link.ts';

/** @throws RequestError */
export function requireAbsolute(cwd: string): void {
  if (!isAbsolute(cwd)) throw invalidParams(`cwd must be an absolute path, not ${JSON.stringify(cwd)}.`);
}

/** @throws RequestError unless `cwd` is the workspace, or the workspace is not known */
export function requireWorkspace(cwd: string, { workspace }: Place): void {
  if (isWorkspace(cwd, workspace)) return;
  throw invalidParams(
    `The running server works in ${workspace}, and the editor has ${cwd} open. Stop the server (codebuddy stop) to let the editor start one here, or give this folder a config folder of its own: codebuddy acp --home FOLDER.`,
    { cwd, workspace },
  );
}

export function isWorkspace(cwd: string, workspace: string | undefined): boolean {
  return workspace === undefined || realPath(cwd) === realPath(workspace);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It is on another machine, or does not exist.
    return path.length > 1 ? path.replace(/[/\\]$/, '') : path;
  }
}
