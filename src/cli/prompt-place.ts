// Where a prompt works: in the server's workspace, which need not be the folder that the person is in.

import { realpathSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { ApiError, type CodeBuddyClient } from '../client/index.ts';

export interface Place {
  /** Undefined if a host application answers, or the key may not know. */
  readonly workspace: string | undefined;
  readonly model: string | undefined;
  /** The server's files are those of this machine. */
  readonly isLocal: boolean;
}

export async function findPlace(client: CodeBuddyClient, signal: AbortSignal): Promise<Place> {
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(client.url).hostname);
  try {
    const { workspace, model } = await client.status({ signal });
    return { workspace: workspace ?? undefined, model: model ?? undefined, isLocal };
  } catch (error) {
    // A key that may only prompt: the prompt itself will say what is wrong with other keys.
    if (error instanceof ApiError) return { workspace: undefined, model: undefined, isLocal };
    throw error;
  }
}

/** True if the folder lies outside of the workspace. */
export function isOutside(folder: string, workspace: string): boolean {
  const way = relative(real(workspace), real(folder));
  return way === '..' || /^\.\.[/\\]/.test(way) || isAbsolute(way);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there, or not for this user: compared as it is written.
    return path;
  }
}
