// The states of the sandbox, and the commands in each: no command runs without it unexpectedly.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSandbox } from '../../../src/agent/tools/sandbox.ts';
import type { SandboxMode } from '../../../src/contract/sandbox.ts';
import { WAIT_LIMIT_MS, waitFor } from '../../wait-for.ts';
import { startAgent, temporaryFolder } from '../start-agent.ts';
import { calls, says, startModelAgent } from '../start-model-agent.ts';
import { noPermission, noSpace, passOn, pathWithout, standIn } from './stand-in.ts';

// On other systems there is no sandbox at all.
const onLinux = describe.skipIf(process.platform !== 'linux');

async function agentWith(PATH: string, sandbox: { mode?: SandboxMode; probeTimeoutMs?: number } = {}) {
  const agent = await startAgent({
    models: ['offline'],
    environment: { PATH },
    // A busy machine may be slow to start even the stand-in.
    sandbox: { network: false, probeTimeoutMs: WAIT_LIMIT_MS, ...sandbox },
  });
  return {
    ...agent,
    run: (command: string) => agent.tool('bash', { command }),
    has: (file: string) => existsSync(join(agent.workspace, file)),
  };
}

const refused = { code: 'sandbox_unavailable' };

onLinux('a command', () => {
  it('is passed to bubblewrap with the options that confine it', async () => {
    const { path, starts } = standIn(passOn);
    const { run, workspace } = await agentWith(path);
    expect(await run('echo "it is $((6*7))"')).toMatchObject({
      exitCode: 0,
      stdout: 'it is 42\n',
      sandbox: 'bubblewrap',
    });
    const args = starts().at(-1);
    for (const words of [
      '--unshare-user --disable-userns --cap-drop ALL',
      '--unshare-net',
      '--seccomp 3',
      '--ro-bind / /',
      `--bind ${workspace} ${workspace}`,
      `--chdir ${workspace}`,
    ])
      expect(args).toContain(words);
  });

  it('leaves no process of a trial start that was ended while it started', async () => {
    const pidFile = join(temporaryFolder(), 'pid');
    // The background process leaves the process group, as a half-started bubblewrap does when its parent is killed.
    const { path } = standIn(
      `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 1000' & while [ ! -s ${pidFile} ]; do sleep 0.05; done; exit 1`,
    );
    const { run } = await agentWith(path);
    await expect(run('echo ran')).rejects.toMatchObject(refused);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await waitFor('the background process has ended', () => !existsSync(`/proc/${pid}`));
  });

  it('runs in the sandbox although the first trial start was killed', async () => {
    const { path, starts } = standIn(passOn, ['kill -9 $$']);
    const { run } = await agentWith(path);
    expect(await run('echo ran')).toMatchObject({ stdout: 'ran\n', sandbox: 'bubblewrap' });
    // Two trial starts, then the command.
    expect(starts()).toHaveLength(3);
  });

  it.each([
    ['is too slow', 'sleep 60', 'too slow'],
    ['has no namespace left', noSpace, 'ENOSPC'],
    ['has no memory left', 'echo "bwrap: Can\'t mount tmpfs: Cannot allocate memory" >&2; exit 1', 'memory'],
    ['fails for an unknown reason', 'echo "bwrap: strange" >&2; exit 1', 'strange'],
    ['says nothing', 'exit 1', 'exit code 1'],
    ['cannot load a library', 'echo "cannot map shared library" >&2; exit 127', 'library'],
  ])('is refused while bubblewrap %s', async (_what, script, words) => {
    const bubblewrap = standIn(script);
    const isSlow = script.startsWith('sleep');
    const { run, has } = await agentWith(bubblewrap.path, isSlow ? { probeTimeoutMs: 300 } : {});
    await expect(run('touch made')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(words),
    });
    expect(has('made')).toBe(false);
  });

  it('runs in the sandbox again when a temporary cause is gone', async () => {
    const bubblewrap = standIn(noSpace);
    const { run } = await agentWith(bubblewrap.path);
    await expect(run('touch made')).rejects.toMatchObject(refused);
    bubblewrap.becomes(passOn);
    expect(await run('echo ran')).toMatchObject({ stdout: 'ran\n', sandbox: 'bubblewrap' });
  });

  it.each([
    ['fails', (one: ReturnType<typeof standIn>) => one.becomes(noPermission)],
    ['is gone', (one: ReturnType<typeof standIn>) => one.remove()],
    ['is killed before it runs anything', (one: ReturnType<typeof standIn>) => one.becomes('exit 137')],
  ])(
    'is refused, not run without the sandbox, when bubblewrap worked before and %s',
    async (_what, change) => {
      const bubblewrap = standIn(passOn);
      const { run, has } = await agentWith(bubblewrap.path);
      expect(await run('echo ran')).toMatchObject({ sandbox: 'bubblewrap' });
      change(bubblewrap);
      for (let i = 0; i < 3; i++) await expect(run('touch made')).rejects.toMatchObject(refused);
      expect(has('made')).toBe(false);
    },
  );

  it('that fails itself does not count as a failure of the sandbox', async () => {
    const { run } = await agentWith(standIn(passOn).path);
    expect(await run('echo oh >&2; exit 1')).toMatchObject({ exitCode: 1, stderr: 'oh\n' });
  });

  it('leaves no file of the trial start behind', async () => {
    const { run, workspace } = await agentWith(standIn(passOn).path);
    await run('true');
    expect(readdirSync(workspace)).toEqual([]);
  });
});

onLinux('where there is no sandbox', () => {
  it.each([
    ['not installed', 'missing', undefined],
    ['without permission', 'unavailable', noPermission],
    ['too old', 'unavailable', 'echo "bwrap: Unknown option --disable-userns" >&2; exit 1'],
    [
      'on Ubuntu with AppArmor',
      'unavailable',
      'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1',
    ],
    [
      'in Docker',
      'unavailable',
      'echo "bwrap: Creating new namespace failed: Operation not permitted" >&2; exit 1',
    ],
  ])('(%s) the setting "sandbox" decides', async (_what, status, script) => {
    const PATH = script === undefined ? pathWithout() : standIn(script).path;
    const { run, agent } = await agentWith(PATH);
    expect(await run('echo still')).toMatchObject({ stdout: 'still\n', sandbox: 'none' });
    expect(await agent.describeSandbox()).toMatchObject({ mode: 'auto', status });
    await expect(agentWith(PATH, { mode: 'required' })).rejects.toThrow('sandbox is "required"');
    const off = await agentWith(PATH, { mode: 'off' });
    expect(await off.run('echo still')).toMatchObject({ sandbox: 'none' });
    expect(await off.agent.describeSandbox()).toMatchObject({ mode: 'off', status: 'off' });
  });

  it('bubblewrap that is installed later is used after a minute', async () => {
    const bubblewrap = standIn(passOn);
    bubblewrap.remove();
    let now = 1_000_000;
    const workspace = temporaryFolder();
    const sandbox = createSandbox({
      mode: 'auto',
      workspace,
      hidden: [],
      network: false,
      environment: { PATH: bubblewrap.path },
      probeTimeoutMs: WAIT_LIMIT_MS,
      now: () => now,
    });
    expect(await sandbox.isolation()).toBe('none');
    bubblewrap.becomes(passOn);
    expect(await sandbox.isolation()).toBe('none');
    now += 60_000;
    expect(await sandbox.isolation()).toBe('bubblewrap');
  });

  it('"off" does not start bubblewrap even if it works', async () => {
    const { path, starts } = standIn(passOn);
    const { run } = await agentWith(path, { mode: 'off' });
    expect(await run('echo ran')).toMatchObject({ stdout: 'ran\n', sandbox: 'none' });
    expect(starts()).toEqual([]);
  });

  it('"required" refuses commands when bubblewrap is removed later', async () => {
    const bubblewrap = standIn(passOn);
    const { run, has } = await agentWith(bubblewrap.path, { mode: 'required' });
    bubblewrap.remove();
    await expect(run('touch made')).rejects.toMatchObject(refused);
    expect(has('made')).toBe(false);
  });
});

/** Runs a prompt whose model calls one command, and returns what happened to it. */
async function outcomeOf(
  PATH: string,
  options: Parameters<typeof startModelAgent>[1] & { readonly command?: string },
) {
  const { command = 'npm test', ...rest } = options;
  const { agent, server, events } = await startModelAgent([calls('bash', { command }), says('done')], {
    environment: { PATH },
    sandbox: { network: false, probeTimeoutMs: WAIT_LIMIT_MS },
    ...rest,
  });
  const { result, asked } = await agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
  result.catch(() => undefined);
  const permission = await Promise.race([result.then(() => undefined), asked]);
  const told = (): string => server.requests[1]?.messages.at(-1)?.toolResults[0]?.text ?? '';
  return { permission, told, events, agent, result };
}

onLinux('permissions', () => {
  const rule = (text: string) => ({ allow: [text], deny: [] });

  it.each(['ask', 'auto-edit'] as const)(
    'in mode %s, without the sandbox only a rule for exactly the command allows it',
    async (permissionMode) => {
      const { path } = standIn(noPermission);
      for (const wildcard of ['bash', '*', 'bash(*)', 'bash(npm *)', 'b*(npm test)']) {
        const { permission } = await outcomeOf(path, { permissionMode, permissions: rule(wildcard) });
        expect(permission, wildcard).toMatchObject({
          sandbox: 'none',
          reason: expect.stringContaining('no sandbox'),
        });
      }
      const exact = await outcomeOf(path, { permissionMode, permissions: rule('bash(npm test)') });
      expect(exact.permission).toBeUndefined();
    },
  );

  it('in the sandbox, rules with wildcards allow as usual', async () => {
    const { path } = standIn(passOn);
    const allowed = await outcomeOf(path, {
      permissionMode: 'ask',
      permissions: rule('bash(echo *)'),
      command: 'echo hi',
    });
    expect(allowed.permission).toBeUndefined();
    expect(JSON.parse(allowed.told())).toMatchObject({ stdout: 'hi\n', sandbox: 'bubblewrap' });
  });

  it('the question and its event say how the command will run', async () => {
    for (const [script, sandbox] of [
      [passOn, 'bubblewrap'],
      [noPermission, 'none'],
    ] as const) {
      const { permission, events } = await outcomeOf(standIn(script).path, { permissionMode: 'ask' });
      expect(permission).toMatchObject({ tool: 'bash', sandbox });
      const asking = (await events()).find(({ type }) => type === 'permission.request');
      expect(asking?.data).toMatchObject({ sandbox });
    }
  });

  it('mode "full" runs the command, and the result says that there was no sandbox', async () => {
    const { permission, told } = await outcomeOf(standIn(noPermission).path, {
      permissionMode: 'full',
      command: 'echo hi',
    });
    expect(permission).toBeUndefined();
    expect(JSON.parse(told())).toMatchObject({ stdout: 'hi\n', sandbox: 'none' });
  });

  it('"off" does not change what rules allow', async () => {
    const { permission } = await outcomeOf(standIn(passOn).path, {
      permissionMode: 'ask',
      permissions: rule('bash(echo *)'),
      command: 'echo hi',
      sandbox: { mode: 'off', network: false },
    });
    expect(permission).toBeUndefined();
  });

  it('no question is asked about a command that would be refused; the model gets the reason', async () => {
    const { permission, told } = await outcomeOf(standIn(noSpace).path, { permissionMode: 'ask' });
    expect(permission).toBeUndefined();
    expect(told()).toContain('could not run in the sandbox');
  });
});

onLinux('files that run later', () => {
  it('are covered after the workspace is mounted', async () => {
    const { path, starts } = standIn(passOn);
    const agent = await startAgent({
      models: ['offline'],
      environment: { PATH: path },
      sandbox: { network: false, probeTimeoutMs: WAIT_LIMIT_MS },
    });
    agent.write('.npmrc', 'fund=false\n');
    await agent.tool('bash', { command: 'exit 3' });
    const { workspace } = agent;
    const npmrc = `${workspace}/.npmrc`;
    expect(starts().at(-1)).toMatch(
      new RegExp(`--bind ${workspace} ${workspace} .*--ro-bind-try ${npmrc} ${npmrc}`),
    );
  });
});
