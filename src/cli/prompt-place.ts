// The folder that a prompt works in: the server's workspace, which may differ from the current folder.

import { realpathSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { CodeBuddyApiError, type CodeBuddyClient } from '../client/index.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import { complain, oneLine, paint } from './output.ts';

export interface Place {
  /** Undefined if a host application answers prompts, or the key lacks the scope `read`. */
  readonly workspace: string | undefined;
  /** What answers prompts that choose neither agent nor model. */
  readonly model: string | undefined;
  /** The server runs on this machine. */
  readonly isLocal: boolean;
}

export async function findPlace(client: CodeBuddyClient, signal: AbortSignal): Promise<Place> {
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(client.url).hostname);
  try {
    const { workspace, agent, model } = await client.status({ signal });
    // The offline agent answers until a model is found.
    const answering = model ?? (agent === 'offline' ? undefined : agent);
    return { workspace: workspace ?? undefined, model: answering, isLocal };
  } catch (error) {
    // The key may have the scope `prompt` only.
    if (error instanceof CodeBuddyApiError && error.status !== 401)
      return { workspace: undefined, model: undefined, isLocal };
    throw error;
  }
}

/**
 * Prints the workspace and what answers, and warns if the current folder is elsewhere. `agent`: the one that was
 * chosen. `json`: print the warning only.
 */
export function tellPlace(
  { workspace, model, isLocal }: Place,
  { agent, json }: { readonly agent: string | undefined; readonly json: boolean },
): void {
  if (workspace === undefined) return;
  const answering = agent === undefined || agent === builtinAgent ? model : agent;
  if (!json)
    complain(
      paint('dim', oneLine(`· in ${workspace}${answering === undefined ? '' : ` with ${answering}`}`)),
    );
  if (isLocal && isOutside(process.cwd(), workspace))
    complain(
      oneLine(
        `codebuddy: Warning: The current folder is outside of the server's workspace. The agent works in ${workspace}.`,
      ),
    );
}

/** Whether the folder is outside of the workspace. */
function isOutside(folder: string, workspace: string): boolean {
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
