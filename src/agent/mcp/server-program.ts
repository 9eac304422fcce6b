// Determines the program of an MCP server, its working directory and its environment. None of them comes from the
// workspace unless the configuration says so: `npx` runs packages of its working directory, and reads the .npmrc there.

import { statSync } from 'node:fs';
import { isAbsolute, join, parse, resolve } from 'node:path';
import { makeFolders } from '../../base/make-folders.ts';
import { createProgramFinder } from '../programs/program-finder.ts';
import { type StartedProgram, startedProgram } from '../programs/started-program.ts';
import type { McpServerConfig, StdioServerConfig } from './mcp-config.ts';

export interface ProgramSurroundings {
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory of programs without a `cwd`. */
  readonly cwd: string;
  /** A relative `cwd` is relative to it. @default cwd */
  readonly workspace?: string | undefined;
}

/** @throws Error whose message is the end of "The MCP server ..." */
export function serverProgram(
  { command, args, env, cwd }: StdioServerConfig,
  { environment, cwd: ownFolder, workspace }: ProgramSurroundings,
): StartedProgram {
  const folder = cwd === undefined ? ownFolder : resolve(workspace ?? ownFolder, cwd);
  try {
    return startedProgram({ command, args, env, cwd: folder }, { environment, workspace });
  } catch (error) {
    throw error instanceof Error
      ? new Error(`could not be started: ${error.message}`, { cause: error })
      : error;
  }
}

/**
 * Creates the working directory of servers: private, and neither it nor a folder above it is writable by the agent's
 * commands.
 */
export function privateFolder(stateFolder: string | undefined, workspace: string): string {
  const root = parse(process.execPath).root;
  if (stateFolder === undefined) return root;
  const programs = createProgramFinder({ path: '', untrusted: [workspace] });
  if (programs.isUntrusted(stateFolder)) return root;
  const folder = join(stateFolder, 'mcp');
  makeFolders(folder);
  return folder;
}

/**
 * Returns the reason why the server cannot be started, as the end of "The MCP server ..."; undefined if its program and
 * its folder exist.
 */
export function programFault(config: McpServerConfig, surroundings: ProgramSurroundings): string | undefined {
  if (config.kind !== 'stdio' || config.disabled === true) return undefined;
  try {
    const { command, cwd } = serverProgram(config, surroundings);
    if (config.cwd !== undefined && !isFolder(cwd))
      return `cannot be started: folder ${JSON.stringify(cwd)} not found`;
    return isFile(command) ? undefined : `cannot be started: program ${JSON.stringify(command)} not found`;
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}

/** Returns warnings about servers whose program or folder the agent can change: they run outside the sandbox. */
export function warnOfPrograms(
  servers: readonly McpServerConfig[],
  surroundings: ProgramSurroundings & { readonly workspace: string },
  warn: (message: string) => void,
): void {
  const { workspace } = surroundings;
  const programs = createProgramFinder({ path: '', untrusted: [workspace] });
  for (const server of servers) {
    const fault = programFault(server, surroundings);
    if (fault !== undefined) warn(`MCP server ${server.name} ${fault}`);
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
        `MCP server ${server.name}: its cwd is in the workspace; npx and similar programs run packages and use settings that they find there`,
      );
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
