// Determines the file and the environment of a program that is started outside the sandbox: an MCP server or an agent.
// Neither comes from the workspace unless the configuration says so.

import { isAbsolute, resolve } from 'node:path';
import { createProgramFinder, type ProgramFinder } from './program-finder.ts';

export interface StartedProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** The complete environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface ProgramPlace {
  /** The variables that every program gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Programs in it are not found by their name. Undefined: there is no workspace. */
  readonly workspace: string | undefined;
}

/** Variables that name a folder or a program. */
const pathVariables = ['HOME', 'SHELL', 'TMPDIR', 'TMP', 'TEMP'];

/**
 * `env` is added to the variables that every program gets.
 * @throws Error whose message is the end of "X could not be started: …"
 */
export function startedProgram(
  { command, args, env, cwd }: StartedProgram,
  { environment, workspace }: ProgramPlace,
): StartedProgram {
  const programs = createProgramFinder({
    path: env.PATH ?? environment.PATH,
    untrusted: workspace === undefined ? [] : [workspace],
  });
  return {
    command: /[/\\]/.test(command) ? resolve(cwd, command) : named(command, programs),
    args,
    env: { ...trustedVariables(environment, programs), PATH: programs.path, ...env },
    cwd,
  };
}

function named(command: string, programs: ProgramFinder): string {
  const program = programs.find(command);
  if (program !== undefined) return program;
  throw new Error(
    `program ${JSON.stringify(command)} not found in the folders of PATH outside the workspace`,
  );
}

/**
 * Leaves out relative paths, which would be looked up in the program's folder, and paths in the workspace, which the
 * agent can write.
 */
function trustedVariables(
  environment: Readonly<Record<string, string>>,
  programs: ProgramFinder,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => {
      if (!pathVariables.includes(name)) return true;
      // The user may choose the home folder as the workspace; programs do not work without HOME.
      return isAbsolute(value) && (name === 'HOME' || !programs.isUntrusted(value));
    }),
  );
}
