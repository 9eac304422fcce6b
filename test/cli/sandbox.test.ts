// All reports of the program about how commands run.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasBubblewrap } from '../agent/sandbox/real-bubblewrap.ts';
import { noPermission, passOn, pathWithout, standIn } from '../agent/sandbox/stand-in.ts';
import { databaseSetting } from '../postgres/test-store.ts';
import { run, serve, start, temporaryFolder } from './run-cli.ts';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A server whose workspace is next to its config folder. */
async function startServer(args: readonly string[], env: Record<string, string>) {
  const home = temporaryFolder();
  const workspace = temporaryFolder();
  const server = await serve(home, ['--workspace', workspace, '--log-level', 'info', ...args], {
    CODEBUDDY_API_KEY: 'a-key-for-this-test',
    ...env,
  });
  const headers = { 'X-API-Key': 'a-key-for-this-test', 'Content-Type': 'application/json' };
  return {
    ...server,
    home,
    async get(path: string): Promise<Answer> {
      const answer = await fetch(`${server.url}${path}`, { headers });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    async bash(command: string): Promise<Answer> {
      const body = JSON.stringify({ command });
      const answer = await fetch(`${server.url}/api/tools/bash`, { method: 'POST', headers, body });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
  };
}

const part = (answer: Answer) =>
  (answer.body.parts as readonly { readonly name: string }[]).find(({ name }) => name === 'sandbox');

describe.skipIf(process.platform !== 'linux')('without bubblewrap', () => {
  it('"auto" runs direct calls, and every report says that there is no sandbox', async () => {
    const { get, bash, home, output } = await startServer([], { PATH: pathWithout() });
    expect(await bash('echo hi')).toMatchObject({
      status: 200,
      body: { result: { stdout: 'hi\n', sandbox: 'none' } },
    });
    expect((await get('/api/status')).body.sandbox).toMatchObject({
      mode: 'auto',
      status: 'missing',
      detail: expect.stringContaining('not installed'),
    });
    const ready = await get('/health/ready');
    expect(ready.status).toBe(200);
    expect(part(ready)).toMatchObject({ ready: true, detail: expect.stringContaining('without a sandbox') });
    expect((await run(home, ['status'])).stdout).toMatch(/sandbox +commands run without a sandbox/);
    await expect.poll(() => output.stderr).toContain('sandbox (auto): commands run without a sandbox');
  });

  it('"required" refuses to start and says why', async () => {
    for (const [args, more] of [
      [['--sandbox', 'required'], {}],
      [[], { CODEBUDDY_SANDBOX: 'required' }],
    ] as const) {
      const env = { PATH: pathWithout(), ...more };
      const { code, stdout, stderr } = await run(temporaryFolder(), ['serve', '--port', '0', ...args], {
        env,
      });
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain(
        'the setting sandbox is "required", but commands are refused: bubblewrap (bwrap) is not installed',
      );
    }
  });

  it('doctor explains the consequences, and reports an error if a sandbox is required', async () => {
    const home = temporaryFolder();
    const look = async (mode: string) => {
      const { stdout } = await run(home, ['doctor', '--json'], {
        env: { PATH: standIn(noPermission).path, CODEBUDDY_SANDBOX: mode, CODEBUDDY_PORT: '0' },
      });
      const { checks } = JSON.parse(stdout) as { checks: readonly { readonly name: string }[] };
      return checks.find(({ name }) => name === 'sandbox');
    };
    expect(await look('auto')).toMatchObject({
      ok: true,
      detail: expect.stringContaining('without a sandbox'),
    });
    expect(await look('required')).toMatchObject({ ok: false, detail: expect.stringContaining('refused') });
    expect(await look('off')).toMatchObject({ ok: true, detail: expect.stringContaining('switched off') });
  });
});

describe.skipIf(process.platform !== 'linux')('with bubblewrap', () => {
  it('"required" refuses direct calls once bubblewrap is gone, and readiness reports it', async () => {
    const bubblewrap = standIn(passOn);
    const { get, bash } = await startServer(['--sandbox', 'required'], { PATH: bubblewrap.path });
    expect(await bash('echo hi')).toMatchObject({ status: 200, body: { result: { sandbox: 'bubblewrap' } } });
    expect(part(await get('/health/ready'))).toMatchObject({ ready: true });
    bubblewrap.remove();
    expect(await bash('echo hi')).toMatchObject({ status: 503, body: { code: 'sandbox_unavailable' } });
    const ready = await get('/health/ready');
    expect(ready.status).toBe(503);
    expect(part(ready)).toMatchObject({ ready: false });
    expect((await get('/api/status')).body.sandbox).toMatchObject({ mode: 'required', status: 'failed' });
    bubblewrap.becomes(passOn);
    expect(await bash('echo hi')).toMatchObject({ status: 200, body: { result: { sandbox: 'bubblewrap' } } });
    expect((await get('/health/ready')).status).toBe(200);
  });

  it.skipIf(!hasBubblewrap)('serve, status and doctor say that commands are confined', async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, 'workspace'));
    writeFileSync(
      join(home, 'api', 'config.json'),
      JSON.stringify({ sandbox: 'required', sandboxNetwork: true }),
    );
    const server = start(
      home,
      ['serve', '--port', '0', '--workspace', join(home, 'workspace')],
      await databaseSetting(home),
    );
    await server.saw('Ctrl-C');
    expect(server.output.stdout).toMatch(/sandbox +commands run in bubblewrap, with the network/);
    expect((await run(home, ['status'])).stdout).toMatch(/sandbox +commands run in bubblewrap/);
    const doctor = await run(home, ['doctor', '--workspace', join(home, 'workspace')]);
    expect(doctor.stdout).toMatch(/ok +sandbox +commands run in bubblewrap, with the network/);
    expect(doctor.stdout).toMatch(/sandbox +required +config.json sandbox/);
  });

  it('"off" is reported', async () => {
    const { get, bash } = await startServer(['--sandbox', 'off'], {});
    expect((await get('/api/status')).body.sandbox).toMatchObject({ mode: 'off', status: 'off' });
    expect(await bash('echo hi')).toMatchObject({ body: { result: { sandbox: 'none' } } });
  });
});
