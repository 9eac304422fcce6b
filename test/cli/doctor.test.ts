// `codebuddy doctor` reports everything that `serve` refuses, and does not end at the first fault.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, serve, temporaryFolder } from './run-cli.ts';

const env = { CODEBUDDY_MODEL: '' };

interface Report {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

async function doctor(
  home: string,
): Promise<{ readonly code: number | null; readonly wrong: Report['checks'] }> {
  const { code, stdout } = await run(home, ['doctor', '--json'], { env });
  return { code, wrong: (JSON.parse(stdout) as Report).checks.filter(({ ok }) => !ok) };
}

function configure(config: unknown): string {
  const home = temporaryFolder();
  mkdirSync(join(home, 'api'), { recursive: true, mode: 0o700 });
  writeFileSync(
    join(home, 'api', 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
  return home;
}

describe('serve refuses and doctor reports', () => {
  test.each([
    [{ permissions: { deny: ['bash(rm'] } }, 'rules', 'permissions.deny[0]'],
    [
      { models: ['nowhere/x'] },
      'model',
      'the model "nowhere/x" (config.json models) names the unknown provider',
    ],
    [{ providers: { vllm: { baseURL: 'no-url' } } }, 'model', 'providers.vllm.baseURL'],
    [{ mcpServers: { files: { command: '' } } }, 'mcp servers', 'mcpServers.files.command'],
    [{ agents: { claude: { cmd: 'x' } } }, 'agents', 'agents.claude.cmd is not known'],
    [{ agent: 'nobody' }, 'agents', 'the agent (config.json agent) must be one of builtin, claude'],
    [{ allowedTargets: ['10.0.0.0/99'] }, 'webhooks', '"10.0.0.0/99"'],
    [{ webhookCa: 'missing.pem' }, 'webhooks', 'missing.pem (webhookCa) cannot be read'],
    [{ webhookCa: 'api/config.json' }, 'webhooks', 'certificate'],
    [
      { logLevel: 'loud' },
      'settings',
      'config.json logLevel must be one of debug, info, warn, error, silent, not "loud".',
    ],
    [{ prot: 1 }, 'settings', 'unknown field "prot"; did you mean "port"?'],
    ['{"port": 1', 'settings', 'config.json is not JSON'],
    [{ port: 0, workspace: 'missing' }, 'workspace', 'missing'],
  ] as const)('%j', async (config, name, words) => {
    const home = configure(config);
    const { code, wrong } = await doctor(home);
    expect(code).toBe(1);
    expect(wrong).toEqual(
      expect.arrayContaining([expect.objectContaining({ name, detail: expect.stringContaining(words) })]),
    );
    expect(JSON.stringify(wrong)).not.toContain('options.model');
    const served = await run(home, ['serve', '--json', '--port', '0'], { env });
    expect(served.code, served.stderr).not.toBe(0);
    expect(JSON.parse(served.stdout)).toMatchObject({ error: { message: expect.any(String) } });
  });
});

describe('several errors', () => {
  test('are reported together, by doctor and by serve', async () => {
    const home = configure({
      port: 'x',
      sandboxNetwork: 'yes',
      permissions: { allow: ['bash('], deny: ['write_file(['] },
      models: ['nowhere/x', 'elsewhere/y'],
      mcpServers: { one: { command: '' }, two: { url: 'ftp://x' } },
    });
    const { wrong } = await doctor(home);
    const details = wrong.map(({ detail }) => detail).join('\n');
    for (const words of [
      'config.json port',
      'config.json sandboxNetwork',
      'permissions.allow[0]',
      'nowhere/x',
      'elsewhere/y',
      'mcpServers.one',
      'mcpServers.two',
    ])
      expect(details).toContain(words);
    const served = await run(home, ['serve'], { env });
    expect(served.code).toBe(2);
    expect(served.stderr).toContain('config.json port');
    expect(served.stderr).toContain('config.json sandboxNetwork');
  });

  test('do not stop at a folder that cannot be read', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const { code, stdout } = await run(folder, ['doctor', '--json', '--home', join(folder, 'file', 'home')]);
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as Report).checks.length).toBeGreaterThan(8);
  });
});

describe('a missing MCP program', () => {
  test('is reported by doctor; serve starts without it and says so', async () => {
    const home = configure({
      port: 0,
      mcpServers: { gone: { command: 'no-such-program-here' }, off: { command: 'neither', disabled: true } },
    });
    const { code, wrong } = await doctor(home);
    expect(code).toBe(1);
    expect(wrong).toEqual([
      {
        name: 'mcp servers',
        ok: false,
        detail: expect.stringMatching(/^gone .*program "no-such-program-here" not found/),
      },
    ]);
    const server = await serve(home);
    server.child.kill('SIGTERM');
    const { stderr } = await server.finished;
    expect(stderr).toMatch(/MCP server gone .*program .* not found/);
    expect(stderr).not.toContain('neither');
  });
});

test('"$schema" is allowed in config.json', async () => {
  const home = configure({ $schema: './schema.json', port: 0 });
  expect((await doctor(home)).wrong).toEqual([]);
});
