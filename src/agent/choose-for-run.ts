// Chooses what answers a run, and refuses what it cannot do before the run is admitted.

import type { PermissionMode } from '../contract/permission-mode.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';
import type { Run } from '../contract/run.ts';
import type { Driver } from './driver.ts';
import { imagePointers } from './files/prompt-parts.ts';
import { createOutputCheck } from './output/output-check.ts';
import type { RunRequest } from './run-record.ts';
import { requireStrictMode } from './strict-mode.ts';

/**
 * Chooses the driver that answers, and its model; null if only the agent knows its model.
 * @throws CodeBuddyError `validation_failed` for an unknown model, `not_supported_by_agent`, `agent_unavailable`
 */
export type ChooseDriver = (request: {
  /** The agent of the session. */
  readonly agent: string;
  readonly options: PromptOptions;
  /** The workspace of the session, if it is not that of the server. */
  readonly workspace: string | undefined;
}) => Promise<{ readonly driver: Driver; readonly model: string | null }>;

/** @throws CodeBuddyError `insufficient_scope`, `validation_failed` */
export type ChooseForRun = (
  agent: string,
  run: Pick<Run, 'prompt' | 'parts'>,
  request: RunRequest,
  workspace: string | undefined,
) => ReturnType<ChooseDriver>;

export function createChooseForRun({
  chooseDriver,
  defaultMode,
}: {
  readonly chooseDriver: ChooseDriver;
  readonly defaultMode: PermissionMode;
}): ChooseForRun {
  return async (
    agent,
    { prompt, parts = [] },
    { options, mayUseTools, tools: callerTools = [] },
    workspace,
  ) => {
    if (!mayUseTools) requireStrictMode(defaultMode, options);
    if (options.format !== undefined) createOutputCheck(options.format);
    const chosen = await chooseDriver({ agent, options, workspace });
    await chosen.driver.checkCaller?.({
      prompt,
      mayUseTools,
      options,
      tools: callerTools,
      permissionMode: options.permissionMode ?? defaultMode,
      images: imagePointers(parts),
    });
    return chosen;
  };
}
