// `codebuddy prompt`: its workspace, its exit codes and its questions.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { type ModelHome, serveModel } from './model-home.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';
import { hasTerminal, onTerminal } from './terminal.ts';

interface ErrorDocument {
  readonly error: Readonly<Record<string, unknown>> & { readonly code: string; readonly exitCode: number };
}

function errorIn(stdout: string): ErrorDocument['error'] {
  return (JSON.parse(stdout) as ErrorDocument).error;
}

/** A model that edits a file, which needs a permission, and then answers. */
function editor(config: Readonly<Record<string, unknown>> = {}): Promise<ModelHome> {
  return serveModel(({ messages }) => {
    const results = messages.filter(({ role }) => role === 'tool');
    return results.length === 0
      ? calls('edit_file', { path: 'a.txt', oldText: 'one\ntwo', newText: 'one\nTWO' })
      : says(readResult(results.at(-1)));
  }, config);
}

function readResult(message: unknown): string {
  return JSON.stringify(message).includes('not run') ? 'denied' : 'done';
}

describe('the workspace', () => {
  test('is named by status and by the first line; a prompt from outside prints a warning', async () => {
    const home = temporaryFolder();
    const workspace = temporaryFolder();
    writeFileSync(join(workspace, 'a.md'), 'alpha');
    await serve(home, ['--workspace', workspace]);
    expect((await run(home, ['status'])).stdout).toContain(`workspace     ${workspace}`);
    expect(JSON.parse((await run(home, ['status', '--json'])).stdout)).toMatchObject({ workspace });
    // The tests run the program in the config folder, which is not the workspace.
    const outside = await run(home, ['prompt', 'read a.md']);
    expect(outside).toMatchObject({ code: 0, stdout: 'alpha\n' });
    expect(outside.stderr.split('\n')[0]).toBe(`· in ${workspace} with offline`);
    expect(outside.stderr).toContain(`outside of the server's workspace. The agent works in ${workspace}.`);
    const json = await run(home, ['prompt', '--json', 'read a.md']);
    expect(json.stderr).toContain('outside of');
    expect(JSON.parse(json.stdout)).toMatchObject({ response: 'alpha', finishReason: 'stop' });
  });

  test('causes no warning for a prompt from inside it', async () => {
    const home = temporaryFolder();
    await serve(home);
    const { code, stderr } = await run(home, ['prompt', 'help']);
    expect(code).toBe(0);
    expect(stderr).not.toContain('outside');
  });

  test('is not looked up with a key that has only the scope "prompt"', async () => {
    const home = temporaryFolder();
    await serve(home);
    const { stdout } = await run(home, ['keys', 'create', 'ci', '--scope', 'prompt']);
    expect(await run(home, ['prompt', 'help', '--api-key', stdout.trim()])).toMatchObject({
      code: 0,
      stderr: '',
    });
  });
});

describe('the exit code', () => {
  test('is 1 after a failed step or a reached limit, with the reason', async () => {
    const home = temporaryFolder();
    await serve(home);
    const failed = await run(home, ['prompt', 'read missing.md']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/codebuddy: A step failed.*\(error\)/);
    const limited = await run(home, ['prompt', '--max-steps', '1', 'list\nlist']);
    expect(limited.code).toBe(1);
    expect(limited.stderr).toMatch(/step limit.*\(max_steps\)/);
    expect(limited.stderr).toMatch(/codebuddy prompt --session ses_/);
    const json = await run(home, ['prompt', '--json', 'read missing.md']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ finishReason: 'error', runId: expect.any(String) });
  });

  test('is 1 if the answer was cut off or withheld', async () => {
    const { home } = await serveModel(({ messages }) => ({
      kind: 'answer',
      text: 'half',
      finish: messages.some(({ text }) => text === 'long') ? 'length' : 'content_filter',
    }));
    for (const [prompt, reason] of [
      ['long', 'length'],
      ['bad', 'content_filter'],
    ] as const) {
      const ended = await run(home, ['prompt', prompt]);
      expect(ended.code, ended.stderr).toBe(1);
      expect(ended.stderr).toContain(`(${reason})`);
    }
  });

  test('is 3 if the server stops, and the message names the command that resumes', async () => {
    const { home, server, model } = await serveModel(() => ({ kind: 'silence' }));
    const prompt = start(home, ['prompt', '--json', 'work']);
    prompt.child.stdin.end();
    await waitFor('the model to be asked', () => model.requests.length > 0);
    server.child.kill('SIGTERM');
    const { code, stdout, stderr } = await prompt.finished;
    expect(code, stderr).toBe(3);
    expect(stderr).toContain('The server stopped before the run ended.');
    const { runId } = errorIn(stdout);
    expect(stderr).toContain(`codebuddy runs resume ${String(runId)}`);
  });

  test('is 3 if the server is killed, and the message names the command that resumes', async () => {
    const { home, server } = await serveModel(() => ({
      kind: 'answer',
      text: ['Working', ' on it'],
      silentAfter: 1,
    }));
    const prompt = start(home, ['prompt', 'work']);
    prompt.child.stdin.end();
    // It follows the run by now, so it knows its id.
    await prompt.saw('Working');
    server.child.kill('SIGKILL');
    const { code, stderr } = await prompt.finished;
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(/codebuddy runs resume run_/);
  });
});

describe('a permission without a terminal', () => {
  test.each([false, true])('ends with exit code 5 while the run waits (--json: %s)', async (json) => {
    const { home, workspace } = await editor();
    writeFileSync(join(workspace, 'a.txt'), 'one\ntwo\n');
    const ended = await run(home, ['prompt', ...(json ? ['--json'] : []), 'edit it']);
    expect(ended.code, ended.stderr).toBe(5);
    const id = /codebuddy permissions allow (prm_\w+)/.exec(ended.stderr)?.[1] as string;
    if (json)
      expect(errorIn(ended.stdout)).toMatchObject({
        code: 'permission_required',
        exitCode: 5,
        permission: { id, tool: 'edit_file' },
      });
    const runId = /codebuddy runs show (run_\w+)/.exec(ended.stderr)?.[1] as string;
    expect(JSON.parse((await run(home, ['runs', 'show', runId, '--json'])).stdout)).toMatchObject({
      status: 'waiting',
    });
    const tail = start(home, ['events', 'tail', '--after', '0', '--run', runId, '--json']);
    expect((await run(home, ['permissions', 'allow', id])).code).toBe(0);
    await tail.saw('"run.complete"');
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\nTWO\n');
  });

  test('with --wait, waits for a decision from elsewhere', async () => {
    const { home, workspace } = await editor();
    writeFileSync(join(workspace, 'a.txt'), 'one\ntwo\n');
    const prompt = start(home, ['prompt', '--wait', '--json', 'edit it']);
    prompt.child.stdin.end();
    const tail = start(home, ['events', 'tail', '--after', '0', '--json']);
    await tail.saw('"permission.request"');
    const { permissions } = JSON.parse((await run(home, ['permissions', 'list', '--json'])).stdout) as {
      permissions: { id: string }[];
    };
    expect((await run(home, ['permissions', 'allow', permissions[0]?.id as string])).code).toBe(0);
    const { code, stdout, stderr } = await prompt.finished;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ response: 'done' });
  });
});

describe.skipIf(!hasTerminal)('a permission on a terminal', () => {
  test('shows a diff and what "always" covers, and asks again after a typo', async () => {
    const { home, workspace } = await editor();
    writeFileSync(join(workspace, 'a.txt'), 'one\ntwo\n');
    const terminal = onTerminal(home, ['prompt', 'edit it']);
    await terminal.saw('? edit_file');
    await terminal.saw('-two');
    await terminal.saw('+TWO');
    await terminal.saw('always covers: edit_file: any change of a.txt');
    await terminal.saw('Allow?');
    terminal.type('yea\r');
    await terminal.saw('"yea" is not a valid answer');
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\ntwo\n');
    terminal.type('y\r');
    await terminal.saw('done');
    expect(await terminal.ended).toBe(0);
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toBe('one\nTWO\n');
  });

  test('ends with a decision from elsewhere; Ctrl-C cancels the run', async () => {
    const { home, workspace } = await editor();
    writeFileSync(join(workspace, 'a.txt'), 'one\ntwo\n');
    const first = onTerminal(home, ['prompt', '--json', 'edit it']);
    await first.saw('Allow?');
    const { permissions } = JSON.parse((await run(home, ['permissions', 'list', '--json'])).stdout) as {
      permissions: { id: string }[];
    };
    expect((await run(home, ['permissions', 'deny', permissions[0]?.id as string])).code).toBe(0);
    await first.saw('"response": "denied"');
    expect(await first.ended).toBe(0);

    const second = onTerminal(home, ['prompt', 'edit it']);
    await second.saw('Allow?');
    second.type('\u0003');
    expect(await second.ended).toBe(130);
    const tail = start(home, ['events', 'tail', '--after', '0', '--type', 'run.*', '--json']);
    await tail.saw('"run.cancelled"');
  });
});

describe('standard input', () => {
  test('is added to the prompt', async () => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'a.md'), 'alpha');
    writeFileSync(join(home, 'b.md'), 'beta');
    await serve(home);
    const both = await run(home, ['prompt', 'read a.md'], { input: 'read b.md\n' });
    expect(both).toMatchObject({ code: 0 });
    expect(both.stdout).toContain('alpha');
    expect(both.stdout).toContain('beta');
    expect(await run(home, ['prompt', '-'], { input: 'read b.md' })).toMatchObject({ stdout: 'beta\n' });
    expect((await run(home, ['prompt', 'read a.md'], { input: '' })).stdout).toBe('alpha\n');
  });
});
