// examples/review-a-diff.sh in a real repository, with the real program and a scripted model.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ModelRequest, Replies } from '../agent/model-server.ts';
import { startModelServer } from '../agent/model-server.ts';
import { temporaryFolder } from '../cli/run-cli.ts';
import { program } from '../program.ts';
import { type Ended, runProgram } from '../run-program.ts';
import { example } from './start-example.ts';

interface Review extends Ended {
  readonly requests: readonly ModelRequest[];
  /** What is left in the folder of temporary files. */
  readonly leftovers: readonly string[];
}

async function review(reply: Replies, { change = true, model = 'openai/test-model' } = {}): Promise<Review> {
  const folder = temporaryFolder();
  const [repository, temporary] = [join(folder, 'repository'), join(folder, 'tmp')];
  for (const path of [repository, temporary]) mkdirSync(path);
  const git = (...args: readonly string[]): void => {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
    execFileSync('git', [...identity, ...args], { cwd: repository, stdio: 'pipe' });
  };
  git('init', '--initial-branch', 'main');
  writeFileSync(join(repository, 'sum.js'), 'export const sum = (a, b) => a + b;\n');
  git('add', '.');
  git('commit', '--message', 'Add sum');
  git('switch', '--create', 'change');
  if (change) {
    writeFileSync(join(repository, 'sum.js'), 'export const sum = (a, b) => a - b;\n');
    git('commit', '--all', '--message', 'Change sum');
  }
  const server = await startModelServer(reply);
  const ended = await runProgram(['bash', example('review-a-diff.sh')], {
    cwd: repository,
    env: {
      ...process.env,
      TMPDIR: temporary,
      BASE: 'main',
      CODEBUDDY: `${process.execPath} ${program}`,
      CODEBUDDY_MODEL: model,
      OPENAI_API_KEY: 'sk-test',
      OPENAI_BASE_URL: `${server.url}/v1`,
    },
  });
  return { ...ended, requests: server.requests, leftovers: readdirSync(temporary) };
}

test('a review without problems passes; the agent sees the diff and may only read', async () => {
  const { code, stdout, requests, leftovers } = await review({
    kind: 'answer',
    text: 'Nothing to report.\nVERDICT: OK',
  });
  expect(stdout).toBe('Nothing to report.\nVERDICT: OK\n');
  expect(code).toBe(0);
  const [request] = requests;
  expect(request?.messages[0]?.text).toContain('+export const sum = (a, b) => a - b;');
  expect(request?.toolNames).toContain('read_file');
  expect(request?.toolNames).not.toContain('write_file');
  expect(request?.toolNames).not.toContain('bash');
  expect(leftovers).toEqual([]);
});

test.each([
  ['finds a problem', 'sum.js:1 subtracts.\nVERDICT: PROBLEMS'],
  ['has no verdict', 'Looks fine.'],
])('a review that %s fails', async (_what, text) => {
  const { code, stdout } = await review({ kind: 'answer', text });
  expect(stdout).toBe(`${text}\n`);
  expect(code).toBe(1);
});

test('without a change there is nothing to review', async () => {
  const { code, stdout, requests } = await review({ kind: 'silence' }, { change: false });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'No changes since main.\n' });
  expect(requests).toEqual([]);
});

test('a server that cannot start ends the job with 3 and its reason', async () => {
  const { code, stderr, leftovers } = await review({ kind: 'silence' }, { model: 'not a model' });
  expect(code).toBe(3);
  expect(stderr).toContain('CODEBUDDY_MODEL');
  expect(leftovers).toEqual([]);
});
