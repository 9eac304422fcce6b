// The server never starts programs from the workspace, even if its folder is in PATH.

import { chmodSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgramFinder } from '../../src/agent/programs/program-finder.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';

function plant(folder: string, name: string, script = 'exit 0'): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function folders(): { readonly workspace: string; readonly outside: string } {
  const folder = realpathSync(temporaryFolder());
  const workspace = join(folder, 'workspace');
  const outside = join(folder, 'outside');
  mkdirSync(workspace);
  mkdirSync(outside);
  return { workspace, outside };
}

describe('a program is found', () => {
  it('outside the workspace, even if the workspace comes first in PATH', () => {
    const { workspace, outside } = folders();
    const planted = join(workspace, 'node_modules', '.bin');
    plant(planted, 'tool');
    const real = plant(outside, 'tool');
    const path = [planted, outside].join(delimiter);
    const programs = createProgramFinder({ path, untrusted: [workspace] });
    expect(programs.find('tool')).toBe(real);
    expect(programs.path).toBe(outside);
    expect(programs.commandPath).toBe(outside);
  });

  it('by its own name, if it is a link to another program outside the workspace', () => {
    const { workspace, outside } = folders();
    plant(outside, 'busybox');
    symlinkSync('busybox', join(outside, 'sh'));
    const programs = createProgramFinder({ path: outside, untrusted: [workspace] });
    expect(programs.find('sh')).toBe(join(outside, 'sh'));
  });
});

describe('a program is not found', () => {
  it.each<[string, (at: { workspace: string; outside: string }) => string]>([
    ['in a relative folder of PATH', () => 'bin'],
    ['in the working directory, for an empty entry of PATH', () => ''],
    [
      'in a folder that is a link into the workspace',
      ({ workspace, outside }) => {
        plant(join(workspace, 'bin'), 'tool');
        symlinkSync(join(workspace, 'bin'), join(outside, 'bin'));
        return join(outside, 'bin');
      },
    ],
    [
      'where it is a link into the workspace',
      ({ workspace, outside }) => {
        symlinkSync(plant(workspace, 'tool'), join(outside, 'tool'));
        return outside;
      },
    ],
    [
      'where a chain of links leads through the workspace and out again',
      ({ workspace, outside }) => {
        plant(outside, 'real-tool');
        symlinkSync(join(outside, 'real-tool'), join(workspace, 'hop'));
        symlinkSync(join(workspace, 'hop'), join(outside, 'tool'));
        return outside;
      },
    ],
    [
      'in the workspace, by another name of its folder',
      ({ workspace, outside }) => {
        plant(join(workspace, 'bin'), 'tool');
        symlinkSync(workspace, join(outside, 'alias'));
        return join(outside, 'alias', 'bin');
      },
    ],
    [
      'with .. in the entry of PATH',
      ({ workspace, outside }) => {
        plant(join(workspace, 'bin'), 'tool');
        return `${outside}/../workspace/bin`;
      },
    ],
    [
      'where it cannot be executed',
      ({ outside }) => {
        writeFileSync(join(outside, 'tool'), '#!/bin/sh\n', { mode: 0o644 });
        return outside;
      },
    ],
  ])('%s', (_, prepare) => {
    const { workspace, outside } = folders();
    const path = prepare({ workspace, outside });
    expect(createProgramFinder({ path, untrusted: [workspace] }).find('tool')).toBeUndefined();
  });

  it('by a path, or by a name with a path in it', () => {
    const { workspace, outside } = folders();
    plant(workspace, 'tool');
    const programs = createProgramFinder({ path: outside, untrusted: [workspace] });
    expect(programs.find('../workspace/tool')).toBeUndefined();
    expect(programs.find('')).toBeUndefined();
  });

  it('in node_modules, of another project either', () => {
    const { workspace, outside } = folders();
    const bin = join(outside, 'node_modules', '.bin');
    plant(bin, 'bwrap');
    const programs = createProgramFinder({ path: bin, untrusted: [workspace] });
    expect(programs.findSystem('bwrap')).toBeUndefined();
    expect(programs.find('bwrap')).toBe(join(bin, 'bwrap'));
  });
});

describe('started through npx in the workspace', () => {
  it.each(['bwrap', 'bash', 'sh'])('the server runs no planted %s', async (name) => {
    const folder = realpathSync(temporaryFolder());
    const bin = join(folder, 'workspace', 'node_modules', '.bin');
    const mark = join(folder, 'outside', 'planted-ran');
    plant(bin, name, `echo ran >> ${mark}; exit 1`);
    const { tool } = await startAgent({
      folder,
      models: ['offline'],
      environment: { PATH: [bin, 'node_modules/.bin', '', process.env.PATH].join(delimiter) },
      ...(name === 'bwrap' ? { sandbox: { network: false } } : {}),
    });
    expect(await tool('bash', { command: 'echo "it is $((6*7))"' })).toMatchObject({ stdout: 'it is 42\n' });
    expect(existsSync(mark)).toBe(false);
  });

  it('a command without a sandbox does not get planted programs by a bare name', async () => {
    const folder = realpathSync(temporaryFolder());
    const bin = join(folder, 'workspace', 'node_modules', '.bin');
    plant(bin, 'ls', 'echo planted');
    const { tool } = await startAgent({
      folder,
      models: ['offline'],
      environment: { PATH: [bin, process.env.PATH].join(delimiter) },
    });
    expect((await tool('bash', { command: 'ls' })).stdout).toBe('node_modules\n');
  });
});
