// Commands in bubblewrap, where it is installed and works: the workspace can be written, the rest only be read, there is no network unless
// it is allowed, and our own config folder with its keys cannot be seen. Where it is not, a command can do what the user can do.

import { spawn } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { openOwnFiles } from '../own-files.ts';
import { createProgramFinder } from '../programs/program-finder.ts';

export interface SandboxOptions {
  /** The real path of the folder that may be written. */
  readonly workspace: string;
  /** Files and folders that must not be seen, as entries of own-files.ts. */
  readonly hidden: readonly string[];
  readonly network: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

export interface Sandbox {
  /** Undefined if commands run in it; else why not, in words. Looked at once. */
  trouble(): Promise<string | undefined>;
  /**
   * The command line that runs a shell command in the sandbox; undefined if there is none. `covers`: further arguments, to follow the bind of the
   * workspace.
   */
  wrap(command: string, cwd: string, covers?: readonly string[]): Promise<CommandLine | undefined>;
}

const probeTimeoutMs = 3000;

export function createSandbox({ workspace, hidden, network, environment }: SandboxOptions): Sandbox {
  let probing: Promise<string | undefined> | undefined;
  /** Each time anew: copies come and go. */
  const listOwn = async (): Promise<readonly string[]> => (await openOwnFiles(hidden)).list();
  const programs = createProgramFinder({ path: environment.PATH, untrusted: [workspace] });
  const program = programs.findSystem('bwrap');
  // By its path inside, too: a planted `sh` could report anything as the command's result.
  const shell = programs.findSystem('bash') ?? programs.findSystem('sh');

  async function wrapArguments(cwd: string, covers: readonly string[] = []): Promise<readonly string[]> {
    return [
      ...['--ro-bind', '/', '/'],
      ...['--dev', '/dev'],
      ...['--proc', '/proc'],
      ...['--tmpfs', '/tmp'],
      ...['--bind', workspace, workspace],
      ...covers,
      ...(await Promise.all((await listOwn()).map(hide))).flat(),
      '--unshare-all',
      ...(network ? ['--share-net'] : []),
      '--die-with-parent',
      '--new-session',
      ...['--chdir', cwd],
      '--',
    ];
  }

  /** An empty folder, or an empty file, in its place; nothing for what is not there, or holds the workspace. */
  async function hide(path: string): Promise<readonly string[]> {
    try {
      const real = await realpath(path);
      if (real === workspace || workspace.startsWith(real + sep)) return [];
      return (await stat(real)).isDirectory() ? ['--tmpfs', real] : ['--ro-bind', '/dev/null', real];
    } catch {
      return [];
    }
  }

  async function probe(): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'there is bubblewrap on Linux only';
    if (program === undefined) return 'bubblewrap (bwrap) is not installed';
    const args = [...(await wrapArguments(workspace)), 'true'];
    return new Promise((resolve) => {
      const child = spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      const timer = setTimeout(() => child.kill('SIGKILL'), probeTimeoutMs);
      // First of all, and for good: without a listener, an error would end the server.
      child.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        resolve(error.code === 'ENOENT' ? 'bubblewrap (bwrap) is not installed' : error.message);
      });
      // Without a file handle left, the process has no streams.
      child.stderr?.on('data', (chunk: Buffer) => {
        if (said.length < 500) said += chunk.toString();
      });
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve(
          code === 0 ? undefined : `bubblewrap does not work here: ${said.trim() || `exit code ${code}`}`,
        );
      });
    });
  }

  function trouble(): Promise<string | undefined> {
    probing ??= probe();
    return probing;
  }

  return {
    trouble,
    async wrap(command, cwd, covers) {
      if ((await trouble()) !== undefined || program === undefined || shell === undefined) return undefined;
      return [program, ...(await wrapArguments(cwd, covers)), shell, '-c', command];
    },
  };
}
