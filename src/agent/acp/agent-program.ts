// The program of an agent: its file, and its environment, which is built from an allow-list.

import { type StartedProgram, startedProgram } from '../programs/started-program.ts';
import type { AgentConfig } from './agent-config.ts';

export interface AgentSurroundings {
  /** The environment of the server: the variables of `passEnv` are taken from it. */
  readonly serverEnvironment: NodeJS.ProcessEnv;
  /** The variables that every program gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** The working directory of the process. */
  readonly cwd: string;
  readonly workspace: string;
}

/** @throws Error whose message is the end of "The agent X could not be started: …" */
export function agentProgram(
  { command, args, passEnv, env }: Pick<AgentConfig, 'command' | 'args' | 'passEnv' | 'env'>,
  { serverEnvironment, environment, cwd, workspace }: AgentSurroundings,
): StartedProgram {
  const passed = passEnv.flatMap((name) => {
    const value = serverEnvironment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return startedProgram(
    { command, args, env: { ...Object.fromEntries(passed), ...env }, cwd },
    { environment, workspace },
  );
}
