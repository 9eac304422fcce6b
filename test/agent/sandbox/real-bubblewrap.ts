// For tests with the real bubblewrap: whether it works here, and an agent whose commands run in it.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentOptions } from '../../../src/agent/agent-options.ts';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';
import { type RunningAgent, startAgent, temporaryFolder } from '../start-agent.ts';

function worksHere(): boolean {
  try {
    execFileSync('bwrap', ['--unshare-user', '--unshare-net', '--ro-bind', '/', '/', 'true'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** Without it these tests are skipped. CI installs it. */
export const hasBubblewrap = worksHere();
export const isRoot = process.getuid?.() === 0;

/**
 * `our own`: a workspace of the user that runs the tests. As root, the tests also use a workspace of an ordinary user.
 */
export const owners = isRoot ? (['our own', 'an ordinary user'] as const) : (['our own'] as const);
export const ordinaryUser = 65_534;

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly sandbox: string;
}

export interface SandboxedAgent extends RunningAgent {
  run(command: string, params?: Record<string, unknown>): Promise<CommandResult>;
}

export async function startSandboxedAgent(
  owner: (typeof owners)[number],
  sandbox: Partial<NonNullable<AgentOptions['sandbox']>> = {},
  options: Partial<AgentOptions> & { folder?: string } = {},
): Promise<SandboxedAgent> {
  const folder = options.folder ?? temporaryFolder();
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace, { recursive: true });
  if (owner === 'an ordinary user') {
    chmodSync(folder, 0o755);
    chownSync(workspace, ordinaryUser, ordinaryUser);
  }
  const agent = await startAgent({
    models: ['offline'],
    ...options,
    folder,
    // A busy machine may be slow to start bubblewrap.
    sandbox: { mode: 'required', network: false, probeTimeoutMs: WAIT_LIMIT_MS, ...sandbox },
  });
  return {
    ...agent,
    async run(command, params = {}) {
      return (await agent.tool('bash', { command, ...params })) as unknown as CommandResult;
    },
  };
}

/**
 * Puts the Node.js that runs the tests into the workspace, as `./node`. Its own path may be hidden in the sandbox, for
 * example if the repository is in `/tmp`.
 */
export function putNode(workspace: string): string {
  const path = join(workspace, 'node');
  try {
    linkSync(process.execPath, path);
  } catch {
    // It is on another file system or belongs to another user.
    copyFileSync(process.execPath, path);
    chmodSync(path, 0o755);
  }
  return './node';
}
