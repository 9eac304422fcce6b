// Runs the tools that check the document as programs, with the Node of the tests.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const modules = join(import.meta.dirname, 'node_modules');
const rootModules = join(import.meta.dirname, '..', '..', 'node_modules');

/** The program of a tool: one of its own, else one of the package's devDependencies. */
export function programOf(tool: string): string {
  const own = join(modules, '.bin', tool);
  return realpathSync(existsSync(own) ? own : join(rootModules, '.bin', tool));
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end. */
export function runTool(tool: string, args: readonly string[], cwd: string): Promise<Ended> {
  return runNode([programOf(tool), ...args], cwd);
}

export function runNode(
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      {
        cwd,
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, ...environment, NO_COLOR: '1', REDOCLY_TELEMETRY: 'off', DO_NOT_TRACK: '1' },
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** A folder with the document in it, in which the modules of the tools are found. */
export async function startFolder(url: string): Promise<string> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-openapi-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(modules, join(folder, 'node_modules'));
  writeFileSync(join(folder, 'openapi.json'), await (await fetch(`${url}/openapi.json`)).text());
  return folder;
}
