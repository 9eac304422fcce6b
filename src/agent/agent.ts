// The agent: sessions, runs and tools over one store, one log and one workspace. This file puts the room together.

import type { EventLog } from '../events/event-log.ts';
import type { Store } from '../store/store.ts';
import { createOfflineDriver } from './offline/offline-driver.ts';
import { createRuns, defaultRunLimits, type RunLimits, type Runs } from './runs.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { cleanEnvironment } from './tools/clean-environment.ts';
import { createToolBox, type ToolBox } from './tools/tool-box.ts';
import { openWorkspace } from './tools/workspace.ts';

export interface AgentOptions {
  readonly store: Store;
  readonly log: EventLog;
  /** The folder that tools may see and change. */
  readonly workspace: string;
  readonly limits?: Partial<RunLimits>;
  /** Where programs started by tools take their few variables from. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Hears of faults that are ours, with what clients must not see. */
  readonly onFault?: (error: unknown, runId: string) => void;
}

export interface Agent {
  readonly runs: Runs;
  readonly sessions: Sessions;
  readonly tools: ToolBox;
  describe(): { readonly agent: string; readonly model: string | null };
  /** Takes no more prompts; unfinished runs have `graceMs` to end, then they are interrupted. */
  close(graceMs: number): Promise<void>;
}

/** Opens the workspace and marks runs that a crash cut off as interrupted. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { store, log, now = Date.now, environment = process.env, onFault = () => undefined } = options;
  const workspace = await openWorkspace(options.workspace);
  const tools = createToolBox({ workspace, log, environment: cleanEnvironment(environment) });
  const driver = createOfflineDriver();
  const limits = { ...defaultRunLimits, ...options.limits };
  const runs = createRuns({ store, log, tools, driver, limits, now, onFault });
  await runs.recover();
  return {
    runs,
    sessions: createSessions({ store, log, now, isBusy: runs.isSessionBusy }),
    tools,
    describe: () => ({ agent: driver.model, model: driver.model }),
    close: (graceMs) => runs.close(graceMs),
  };
}
