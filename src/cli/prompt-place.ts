// The folder that a prompt works in: the server's workspace, which may differ from the current folder.

import { realpathSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { CodeBuddyApiError, type CodeBuddyClient } from '../client/index.ts';

export interface Place {
  /** Undefined if a host application answers prompts, or the key lacks the scope `read`. */
  readonly workspace: string | undefined;
  readonly model: string | undefined;
  /** The server runs on this machine. */
  readonly isLocal: boolean;
}

export async function findPlace(client: CodeBuddyClient, signal: AbortSignal): Promise<Place> {
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(client.url).hostname);
  try {
    const { workspace, model } = await client.status({ signal });
    return { workspace: workspace ?? undefined, model: model ?? undefined, isLocal };
  } catch (error) {
    // The key may have the scope `prompt` only. If it is invalid, the prompt will fail with the reason.
    if (error instanceof CodeBuddyApiError) return { workspace: undefined, model: undefined, isLocal };
    throw error;
  }
}

/** Whether the folder is outside of the workspace. */
export function isOutside(folder: string, workspace: string): boolean {
  const way = relative(real(workspace), real(folder));
  return way === '..' || /^\.\.[/\\]/.test(way) || isAbsolute(way);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Missing or not accessible: compare the path as it is.
    return path;
  }
}
