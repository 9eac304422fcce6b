// Runs the suite of all runtimes in Deno and Bun, which have a `fetch` of their own.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundleClient } from '../client/bundle-client.ts';
import type { SuiteReport } from '../client/runtime-suite.ts';
import { failuresOf, startForSuite } from '../client/start-for-suite.ts';

const programs = join(import.meta.dirname, 'node_modules', '.bin');

/** Runs a script and returns its standard output. */
function runScript(program: string, args: readonly string[], folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const environment = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' };
    execFile(join(programs, program), args, { cwd: folder, env: environment }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} failed:\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

test.each([
  ['deno', ['run', '--quiet', '--no-config', '--allow-net', 'main.mjs']],
  ['bun', ['run', 'main.mjs']],
] as const)('the client works in %s', async (program, args) => {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-runtime-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const { input } = await startForSuite(program);
  writeFileSync(join(folder, 'suite.mjs'), await bundleClient('test/client/runtime-program.ts'));
  const call = `import { run } from './suite.mjs';\nconsole.log(JSON.stringify(await run(${JSON.stringify(input)})));\n`;
  writeFileSync(join(folder, 'main.mjs'), call);
  const report = JSON.parse(await runScript(program, args, folder)) as SuiteReport;
  expect(failuresOf(report)).toEqual({});
  expect(Object.keys(report).length).toBeGreaterThan(10);
});
