// Tries bubblewrap: checks that it is installed, that it starts, and that a command in it can write the workspace.

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isInFolder } from '../../../base/is-in-folder.ts';
import { signalGroup } from '../../process-group.ts';
import { errnoOf } from '../system-errors.ts';
import { temporaryName } from '../temporary-name.ts';
import type { SandboxState } from './sandbox-options.ts';
import { filterArchitectures } from './seccomp-filter.ts';
import { judgeSetupFailure, type SetupVerdict } from './setup-failure.ts';
import { type CommandStart, closed, exitOf, startCommand } from './start-command.ts';

export interface ProbeOptions {
  readonly workspace: string;
  /** The absolute path of bubblewrap; undefined if it is not installed. */
  readonly program: string | undefined;
  readonly timeoutMs: number;
  /** Ends the processes that the trial start has left. */
  readonly endLeft: () => Promise<unknown>;
  /** Prepares a command as for a tool call. */
  readonly prepareStart: (command: string) => Promise<CommandStart>;
}

/** Folders of the kernel cannot be a workspace; a folder in shared memory can. */
const kernelFolders = ['/proc', '/sys', '/dev'];
const memoryFolder = '/dev/shm/';

export async function probeBubblewrap(options: ProbeOptions): Promise<SandboxState> {
  const { workspace, program, timeoutMs, prepareStart, endLeft } = options;
  const impossible = whyImpossible(workspace);
  if (impossible !== undefined) return impossible;
  const file = temporaryName();
  try {
    // Checked before the start: a start fails with ENOENT for other reasons too, such as a missing workspace.
    if (!(await isExecutable(program)))
      return { status: 'missing', reason: 'bubblewrap (bwrap) is not installed' };
    const start = await prepareStart(`: > ${file} && rm -f ${file}`);
    const ended = await run(start, timeoutMs, endLeft);
    if (ended.exitCode === 0) return { status: 'works' };
    if (!ended.wasRun) return judgeSetupFailure(ended);
    if (!(await canWrite(workspace))) return { status: 'works' };
    const said = ended.stderr.trim();
    return { status: 'unavailable', reason: `commands in bubblewrap cannot write the workspace: ${said}` };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { status: 'failed', reason: `bubblewrap could not be tried out: ${words}` };
  }
}

function whyImpossible(workspace: string): SetupVerdict | undefined {
  if (process.platform !== 'linux')
    return { status: 'missing', reason: `there is no sandbox for this system (${process.platform}) yet` };
  if (!filterArchitectures.some((architecture) => architecture === process.arch))
    return { status: 'unavailable', reason: `there is no filter for this processor (${process.arch})` };
  const isKernels = kernelFolders.some((folder) => isInFolder(workspace, folder));
  if (workspace === '/' || (isKernels && !workspace.startsWith(memoryFolder)))
    return { status: 'unavailable', reason: `the workspace ${workspace} is part of the system itself` };
  return undefined;
}

async function isExecutable(program: string | undefined): Promise<boolean> {
  if (program === undefined) return false;
  try {
    await access(program, constants.X_OK);
    return (await stat(program)).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function canWrite(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function run(
  start: CommandStart,
  timeoutMs: number,
  endLeft: () => Promise<unknown>,
): Promise<{ exitCode: number | null; signal: string | null; stderr: string; wasRun: boolean }> {
  const { child, stdout, stderr, wasRun } = await startCommand(start);
  let said = '';
  stderr.on('data', (chunk: Buffer) => {
    if (said.length < 1000) said += chunk.toString();
  });
  stdout.resume();
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), timeoutMs);
  const ended = await exitOf(child);
  clearTimeout(timer);
  signalGroup(child, 'SIGKILL');
  // A process that was left holds the pipes open, so end it before waiting for them.
  await endLeft();
  await Promise.all([stderr, stdout].map(closed));
  return { ...ended, stderr: said, wasRun: await wasRun() };
}
