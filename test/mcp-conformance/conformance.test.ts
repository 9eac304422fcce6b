// The conformance suite of the protocol. Its other scenarios need the tools and prompts of its own example
// server, and features that this server does not declare.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startMcpServer } from '../mcp-server/start-mcp-server.ts';
import { type Ended, runProgram } from '../run-program.ts';

const scenarios = [
  'server-initialize',
  'ping',
  'tools-list',
  'resources-list',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
] as const;

/** Runs the suite in a home of its own. */
function runSuite(...args: string[]): Promise<Ended> {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-conformance-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const file = join(import.meta.dirname, 'node_modules', '.bin', 'conformance');
  return runProgram([process.execPath, file, ...args], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home },
  });
}

test.each(scenarios)('the conformance suite: %s', async (scenario) => {
  const { url } = await startMcpServer({ hasKeys: false });
  const { code, stdout, stderr } = await runSuite('server', '--url', `${url}/mcp`, '--scenario', scenario);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout + stderr).not.toMatch(/[1-9]\d* failed/);
});
