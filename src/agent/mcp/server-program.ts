// Where the program of an MCP server comes from, in which folder it starts and what it is told. None of the three comes from the workspace unless
// the configuration says so: `npx` runs packages of the folder that it starts in, and obeys the .npmrc there.

import { mkdirSync, statSync } from 'node:fs';
import { isAbsolute, join, parse, resolve } from 'node:path';
import { createProgramFinder, type ProgramFinder } from '../programs/program-finder.ts';
import type { McpServerConfig, StdioServerConfig } from './mcp-config.ts';
import type { ServerProgram } from './process-transport.ts';

export interface ProgramSurroundings {
  readonly environment: Readonly<Record<string, string>>;
  /** Where programs start that have no `cwd`. */
  readonly cwd: string;
  /** What a relative `cwd` is relative to. @default cwd */
  readonly workspace?: string | undefined;
}

/** Variables that name a folder or a program. */
const pathVariables = ['HOME', 'SHELL', 'TMPDIR', 'TMP', 'TEMP'];

/** @throws Error whose message ends a sentence that begins with "The MCP server ..." */
export function serverProgram(
  { command, args, env, cwd }: StdioServerConfig,
  { environment, cwd: ownFolder, workspace }: ProgramSurroundings,
): ServerProgram {
  const programs = createProgramFinder({
    path: env.PATH ?? environment.PATH,
    untrusted: workspace === undefined ? [] : [workspace],
  });
  const folder = cwd === undefined ? ownFolder : resolve(workspace ?? ownFolder, cwd);
  return {
    command: /[/\\]/.test(command) ? resolve(folder, command) : named(command, programs),
    args,
    env: { ...trustedVariables(environment, programs), PATH: programs.path, ...env },
    cwd: folder,
  };
}

function named(command: string, programs: ProgramFinder): string {
  const program = programs.find(command);
  if (program !== undefined) return program;
  throw new Error(
    `could not be started: there is no program ${JSON.stringify(command)} in the folders of PATH outside the workspace`,
  );
}

/** What is relative would be looked up in the server's folder, and what is in the workspace is the agent's to write. */
function trustedVariables(
  environment: Readonly<Record<string, string>>,
  programs: ProgramFinder,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => {
      if (!pathVariables.includes(name)) return true;
      // A home folder that is the workspace is the user's choice; programs do not work without one.
      return isAbsolute(value) && (name === 'HOME' || !programs.isUntrusted(value));
    }),
  );
}

/** The folder that servers start in: private, and the agent's commands cannot write it or a folder above it. Made if it is missing. */
export function privateFolder(stateFolder: string | undefined, workspace: string): string {
  const root = parse(process.execPath).root;
  if (stateFolder === undefined) return root;
  const programs = createProgramFinder({ path: '', untrusted: [workspace] });
  if (programs.isUntrusted(stateFolder)) return root;
  const folder = join(stateFolder, 'mcp');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** What a person should know of a configuration: programs that the agent can write run outside the sandbox. */
export function warnOfPrograms(
  servers: readonly McpServerConfig[],
  workspace: string,
  warn: (message: string) => void,
): void {
  const programs = createProgramFinder({ path: '', untrusted: [workspace] });
  for (const server of servers) {
    if (server.kind !== 'stdio' || server.disabled) continue;
    const folder = server.cwd === undefined ? undefined : resolve(workspace, server.cwd);
    const files = [server.command, ...server.args]
      .map((word) => (isAbsolute(word) ? word : folder === undefined ? undefined : resolve(folder, word)))
      .filter((file) => file !== undefined && isFile(file) && programs.isUntrusted(file));
    if (files.length > 0)
      warn(
        `MCP server ${server.name}: ${files[0]} is in the workspace, where the agent can change it; it runs outside the sandbox`,
      );
    else if (folder !== undefined && programs.isUntrusted(folder))
      warn(
        `MCP server ${server.name}: its cwd is in the workspace; npx and others run packages and obey settings that they find there`,
      );
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
