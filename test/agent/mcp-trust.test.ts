// An MCP server's program, its folder and its settings come from the workspace only if the configuration says so.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentOptions } from '../../src/agent/agent-options.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

function program(file: string, script: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Starts an agent with one MCP server, and returns its warnings and the outcome. */
async function start(
  server: Readonly<Record<string, unknown>>,
  prepare: (at: { folder: string; workspace: string; mark: string }) => Partial<AgentOptions>,
) {
  const folder = realpathSync(temporaryFolder());
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  const mark = join(folder, 'mark');
  const warnings: string[] = [];
  const { agent } = await startAgent({
    folder,
    models: ['offline'],
    environment: { PATH: process.env.PATH },
    stateFolder: join(folder, 'state'),
    warn: (message) => warnings.push(message),
    mcpServers: { one: { startTimeoutMs: 60_000, ...server } },
    ...prepare({ folder, workspace, mark }),
  });
  await agent.mcp.list();
  return { folder, workspace, mark, warnings, agent };
}

/** Records its working directory and its PATH, and ends. */
const noting = (mark: string): string => `{ pwd; echo "$PATH"; env; } > ${mark}`;

describe('an MCP server', () => {
  it('starts in a private folder outside the workspace, which is not in its PATH', async () => {
    const { folder, mark } = await start({ command: 'server' }, ({ folder: at, workspace, mark: file }) => {
      program(join(at, 'bin', 'server'), noting(file));
      program(join(workspace, 'node_modules', '.bin', 'server'), 'exit 9');
      const path = [join(workspace, 'node_modules', '.bin'), '.', '', join(at, 'bin'), process.env.PATH];
      return { environment: { PATH: path.join(delimiter), TMPDIR: workspace, SHELL: 'sh' } };
    });
    const [cwd, path = '', ...variables] = readFileSync(mark, 'utf8').split('\n');
    expect(cwd).toBe(join(folder, 'state', 'mcp'));
    expect(statSync(join(folder, 'state', 'mcp')).mode & 0o777).toBe(0o700);
    expect(path.split(delimiter)[0]).toBe(join(folder, 'bin'));
    expect(path).not.toContain('workspace');
    expect(variables.filter((line) => /^(TMPDIR|SHELL)=/.test(line))).toEqual([]);
  });

  it('is not found in the workspace by its name', async () => {
    const { mark, warnings } = await start({ command: 'server' }, ({ workspace, mark: file }) => {
      const bin = join(workspace, 'node_modules', '.bin');
      program(join(bin, 'server'), noting(file));
      return { environment: { PATH: [bin, process.env.PATH].join(delimiter) } };
    });
    expect(existsSync(mark)).toBe(false);
    expect(warnings.join()).toContain(
      'program "server" not found in the folders of PATH outside the workspace',
    );
  });

  it('starts in the workspace if its cwd says so, with a warning', async () => {
    const { workspace, mark, warnings } = await start(
      { command: 'server', cwd: '.' },
      ({ folder, mark: file }) => {
        program(join(folder, 'bin', 'server'), noting(file));
        return { environment: { PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter) } };
      },
    );
    expect(readFileSync(mark, 'utf8').split('\n')[0]).toBe(workspace);
    expect(warnings.join()).toContain('its cwd is in the workspace');
  });

  it('is started from the workspace by its absolute path, with a warning', async () => {
    const folder = realpathSync(temporaryFolder());
    const file = program(join(folder, 'workspace', 'server'), noting(join(folder, 'mark')));
    const warnings: string[] = [];
    const { agent } = await startAgent({
      folder,
      mcpServers: { one: { command: file } },
      warn: (message) => warnings.push(message),
    });
    await agent.mcp.list();
    expect(existsSync(join(folder, 'mark'))).toBe(true);
    expect(warnings[0]).toBe(
      `MCP server one: ${file} is in the workspace, where the agent can change it; it runs outside the sandbox`,
    );
  });

  it('starts in the root folder if the private folder would be in the workspace', async () => {
    const { mark } = await start({ command: 'server' }, ({ folder, workspace, mark: file }) => {
      program(join(folder, 'bin', 'server'), noting(file));
      return {
        environment: { PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter) },
        stateFolder: join(workspace, '.codebuddy', 'state'),
      };
    });
    expect(readFileSync(mark, 'utf8').split('\n')[0]).toBe('/');
  });
});

const hasNpx = spawnSync('npx', ['--version'], { stdio: 'ignore' }).status === 0;

describe.skipIf(!hasNpx)('the documented npx example', () => {
  // No registry answers: a program that runs can only come from the workspace.
  const offline = {
    npm_config_registry: 'http://127.0.0.1:1',
    npm_config_fetch_retries: '0',
    npm_config_update_notifier: 'false',
  };

  /** A workspace with every file that npx would use. */
  function plant(workspace: string, mark: string): void {
    program(join(workspace, 'node_modules', '.bin', 'planted-server'), `echo bin >> ${mark}`);
    mkdirSync(join(workspace, 'node_modules', 'planted-server'), { recursive: true });
    writeFileSync(
      join(workspace, 'node_modules', 'planted-server', 'package.json'),
      '{"name":"planted-server","version":"1.0.0","bin":"./b.js"}',
    );
    program(join(workspace, 'node_modules', 'planted-server', 'b.js'), `echo package >> ${mark}`);
    writeFileSync(
      join(workspace, 'package.json'),
      '{"name":"x","version":"1.0.0","dependencies":{"planted-server":"1.0.0"}}',
    );
    writeFileSync(
      join(workspace, 'hook.cjs'),
      `require('node:fs').appendFileSync(${JSON.stringify(mark)}, 'npmrc\\n')`,
    );
    writeFileSync(
      join(workspace, '.npmrc'),
      `node-options=--require=${join(workspace, 'hook.cjs')}\nscript-shell=${join(workspace, 'node_modules', '.bin', 'planted-server')}\n`,
    );
    for (const name of ['node', 'npx', 'npm', 'sh'])
      program(join(workspace, 'node_modules', '.bin', name), `echo ${name} >> ${mark}`);
  }
  const server = { command: 'npx', args: ['-y', 'planted-server'], env: offline };
  const path = (workspace: string) =>
    [join(workspace, 'node_modules', '.bin'), process.env.PATH].join(delimiter);

  it('uses no package, program or setting of the workspace', async () => {
    const { mark, warnings } = await start(server, ({ workspace, folder, mark: file }) => {
      plant(workspace, file);
      return { environment: { PATH: path(workspace), HOME: folder } };
    });
    expect(existsSync(mark) ? readFileSync(mark, 'utf8') : '').toBe('');
    // It was npx that ran.
    expect(warnings.join()).toMatch(/npm|ECONNREFUSED/);
  });

  it('would use them with the workspace as its folder', async () => {
    const { mark } = await start({ ...server, cwd: '.' }, ({ workspace, folder, mark: file }) => {
      plant(workspace, file);
      return { environment: { PATH: path(workspace), HOME: folder } };
    });
    expect(readFileSync(mark, 'utf8')).toContain('bin');
  });
});
