// The agents on the real program: `codebuddy agents`, `doctor`, `serve` and `prompt --agent`.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fakePrograms } from '../agent/acp/fake-programs.ts';
import { script } from '../agent/acp/script.ts';
import { acpConfig } from '../agent/acp/start-acp.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

/** One more agent, `scripted`. */
const scripted = () => ({ agents: acpConfig(temporaryFolder(), { models: ['small', 'big'] }) });
const hello = script({ say: 'Hello.' });

function configure(config: unknown): string {
  const home = temporaryFolder();
  writeFileSync(
    join(home, 'api', 'config.json'),
    JSON.stringify({ models: ['offline'], watch: false, ...(config as object) }),
  );
  return home;
}

/** PATH with programs of these names besides the usual ones, and a home folder without a sign-in. */
function machine(...names: readonly string[]) {
  const { bin, home, started, keep } = fakePrograms(...names);
  return { env: { PATH: `${bin}:${process.env.PATH}`, HOME: home }, bin, started, keep };
}

describe('codebuddy agents', () => {
  test('lists which are there, what each can do, and how to sign in', async () => {
    const { env, started } = machine('codex-acp', 'goose');
    const home = configure(scripted());
    await serve(home, [], env);
    const { code, stdout, stderr } = await run(home, ['agents'], { env });
    expect(code, stderr).toBe(0);
    const [head = '', ...lines] = stdout.split('\n');
    expect(head).toMatch(/^AGENT +STATUS +MODES +OPTIONS +DETAIL$/);
    expect(lines[0]).toMatch(
      /^builtin \(default\) +ready +read-only, ask, auto-edit, full +model, system, maxSteps, maxTokens, maxCost +Answers with offline/,
    );
    const row = (name: string): string => lines.find((line) => line.startsWith(`${name} `)) ?? '';
    expect(row('codex')).toMatch(
      /^codex +not signed in +.* +model, maxTokens\?, maxCost\? +Not signed in\. Run `codex login`/,
    );
    expect(row('goose')).toMatch(/^goose +unknown .*Run `goose configure`\.$/);
    expect(row('qwen')).toMatch(/^qwen +not found .*npm install --global @qwen-code\/qwen-code/);
    expect(stdout).toContain('builtin answers new sessions.');
    expect(existsSync(started)).toBe(false);
    const json = await run(home, ['agents', '--json'], { env });
    expect(JSON.parse(json.stdout)).toMatchObject({
      agents: expect.arrayContaining([expect.objectContaining({ name: 'codex', status: 'not_signed_in' })]),
    });
  });
});

describe('--agent', () => {
  test('of prompt chooses the agent of a new session', async () => {
    const home = configure(scripted());
    await serve(home);
    const { code, stdout, stderr } = await run(home, ['prompt', '--agent', 'scripted', hello]);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('Hello.\n');
    expect(stderr).toMatch(/^· in \S+ with scripted$/m);
    const again = await run(home, ['prompt', '-c', script({ sayModel: true }), '--model', 'big']);
    expect(again.stdout, again.stderr).toBe('big\n');
    const list = await run(home, ['sessions', 'list', '--agent', 'scripted', '--json']);
    const { sessions } = JSON.parse(list.stdout) as { sessions: readonly { id: string; agent: string }[] };
    expect(sessions).toMatchObject([{ agent: 'scripted' }]);
    const none = await run(home, ['sessions', 'list', '--agent', 'builtin', '--json']);
    expect(JSON.parse(none.stdout)).toMatchObject({ sessions: [] });
    const other = await run(home, [
      'prompt',
      '--session',
      sessions[0]?.id ?? '',
      '--agent',
      'builtin',
      'help',
    ]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('--agent must be left out or be scripted');
  });

  test('names what is wrong: an unknown agent, and options that it cannot apply', async () => {
    const home = configure(scripted());
    await serve(home);
    const unknown = await run(home, ['prompt', '--agent', 'nobody', 'x']);
    expect(unknown.stderr).toMatch(/--agent must be one of builtin, scripted, claude, .*not "nobody"/);
    const steps = await run(home, ['prompt', '--agent', 'scripted', '--max-steps', '3', hello]);
    expect(steps.code).toBe(1);
    expect(steps.stderr).toContain(
      '--max-steps must be left out: the agent scripted does not report its steps',
    );
  });

  test('of serve chooses the default; the variable does, too', async () => {
    const home = configure(scripted());
    const { child, finished } = await serve(home, ['--agent', 'scripted']);
    expect((await run(home, ['prompt', hello])).stdout).toBe('Hello.\n');
    child.kill('SIGTERM');
    await finished;
    await serve(home, [], { CODEBUDDY_AGENT: 'scripted' });
    const { stdout } = await run(home, ['agents']);
    expect(stdout).toMatch(/^scripted \(default\)/m);
    expect(
      (await run(home, ['config', 'get', 'agent'], { env: { CODEBUDDY_AGENT: 'scripted' } })).stdout,
    ).toContain('scripted');
  });

  test('of serve must be an agent', async () => {
    const home = configure({});
    const { code, stderr } = await run(home, ['serve', '--port', '0', '--agent', 'nobody']);
    expect(code).toBe(2);
    expect(stderr).toContain('the agent (--agent) must be one of builtin, claude, codex');
  });
});

describe('codebuddy doctor', () => {
  test('says which agents are there and signed in, without starting one', async () => {
    const { env, started, keep } = machine('claude-agent-acp', 'codex-acp');
    keep('.codex/auth.json', '{"token":"secret-of-codex"}');
    const { stdout } = await run(configure({}), ['doctor'], { env });
    expect(stdout).toContain('builtin answers new sessions');
    expect(stdout).toMatch(/claude \(.*claude-agent-acp\): /);
    expect(stdout).toMatch(/codex \(.*codex-acp\): Signed in\./);
    expect(stdout).toMatch(/not found: gemini, opencode, qwen, copilot, goose/);
    expect(stdout).not.toContain('secret-of-codex');
    expect(existsSync(started)).toBe(false);
  });

  test('fails for an agent that is chosen or configured and not there', async () => {
    const { env } = machine('codex-acp');
    const report = async (config: unknown) => {
      const { code, stdout } = await run(configure(config), ['doctor', '--json'], { env });
      const { checks } = JSON.parse(stdout) as {
        checks: readonly { name: string; ok: boolean; detail: string }[];
      };
      return { code, wrong: checks.filter(({ ok }) => !ok) };
    };
    const missing = await report({ agent: 'claude' });
    expect(missing.code).toBe(1);
    expect(missing.wrong).toEqual([
      {
        name: 'agents',
        ok: false,
        detail: expect.stringMatching(
          /^claude \(claude-agent-acp\): Program "claude-agent-acp" not found .*npm install/,
        ),
      },
    ]);
    const signedOut = await report({ agent: 'codex' });
    expect(signedOut.wrong).toEqual([
      {
        name: 'agents',
        ok: false,
        detail: expect.stringMatching(/^codex \(.*codex-acp\): Not signed in\. Run `codex login`/),
      },
    ]);
    const configured = await report({ agents: { mine: { command: 'no-such-agent' } } });
    expect(configured.wrong).toEqual([
      {
        name: 'agents',
        ok: false,
        detail: expect.stringContaining('mine (no-such-agent): Program "no-such-agent" not found'),
      },
    ]);
    // Being installed does not oblige anyone to sign in.
    expect((await report({})).wrong).toEqual([]);
  });
});
