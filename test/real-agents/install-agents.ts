// Installs the real agents, each into a folder of its own outside of the repository: together they are 1.5 GB. A
// folder that has the wanted version is used again.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platform } from 'node:process';
import { npmCommand } from '../../scripts/platform.cjs';
import { type RealAgent, realAgents } from './real-agents.ts';

/** TEST_AGENTS_FOLDER is a folder that is kept; the default may be emptied by the system. */
const root = process.env.TEST_AGENTS_FOLDER ?? join(tmpdir(), 'codebuddy-test-agents');

/** The folder with the program of the agent. */
export function programFolder(agent: Pick<RealAgent, 'name'>): string {
  return join(root, agent.name, 'node_modules', '.bin');
}

/** TEST_AGENTS=gemini,codex selects some. */
export function selectedAgents(): readonly RealAgent[] {
  const names = process.env.TEST_AGENTS?.split(',') ?? realAgents.map(({ name }) => name);
  return names.map((name) => {
    const agent = realAgents.find((each) => each.name === name);
    if (agent !== undefined) return agent;
    throw new Error(
      `TEST_AGENTS must be names of ${realAgents.map((each) => each.name).join(', ')}, not ${name}`,
    );
  });
}

export function installAgent({ name, package: wanted, version }: RealAgent): void {
  const folder = join(root, name);
  if (installedVersion(folder, wanted) === version) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  console.log(`Installing ${wanted}@${version} into ${folder}`);
  const { command, args } = npmCommand(platform, {
    execPath: process.execPath,
    ...(process.env.npm_execpath === undefined ? {} : { npmExecPath: process.env.npm_execpath }),
    exists: existsSync,
  });
  const options = ['--save-exact', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync(command, [...args, 'install', ...options, `${wanted}@${version}`], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`npm install of ${wanted}@${version} ended with ${status}`);
}

function installedVersion(folder: string, wanted: string): string | undefined {
  const file = join(folder, 'node_modules', wanted, 'package.json');
  if (!existsSync(file)) return undefined;
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
