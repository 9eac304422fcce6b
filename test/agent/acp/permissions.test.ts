// Permissions: our rules, modes and people decide, and the agent obeys.

import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../../src/contract/permission.ts';
import { waitFor } from '../../wait-for.ts';
import { temporaryFolder } from '../start-agent.ts';
import type { Step } from './script.ts';
import { type StartAcpOptions, type StartedAcp, startAcp } from './start-acp.ts';

async function asked(acp: StartedAcp): Promise<Permission> {
  return waitFor('a permission', () => acp.agent.permissions.list({})[0]);
}

const outcomesOf = (acp: StartedAcp): readonly unknown[] =>
  acp
    .received('outcome')
    .map(({ content }) => (content.outcome as Record<string, unknown>).optionId ?? content.outcome);

const command = (text: string, toolCallId = 'c1'): Step => ({
  ask: { toolCallId, kind: 'execute', title: text, rawInput: { command: text } },
});

function edit(acp: StartedAcp, name = 'a.txt', toolCallId = 'e1'): readonly [Step, Step] {
  const path = join(acp.workspace, name);
  const diff = { type: 'diff', path, oldText: 'old', newText: 'new' };
  return [
    { ask: { toolCallId, kind: 'edit', title: `Edit ${name}`, content: [diff], locations: [{ path }] } },
    {
      ifAllowed: [
        { write: path, content: 'new' },
        { update: { sessionUpdate: 'tool_call_update', toolCallId, status: 'completed' } },
      ],
    },
  ];
}

describe('a person', () => {
  test('allows a command, and the agent gets its option for this once', async () => {
    const acp = await startAcp();
    const { result } = await acp.start([command('npm test'), { sayOutcome: true }]);
    const permission = await asked(acp);
    expect(permission).toMatchObject({
      tool: 'bash',
      params: { command: 'npm test' },
      rule: 'bash(npm test)',
    });
    await acp.agent.permissions.decide(permission.id, 'allow');
    await result;
    expect(outcomesOf(acp)).toEqual(['yes']);
    const events = await acp.events();
    expect(events.map(({ type }) => type).filter((type) => /^(tool|permission)/.test(type))).toEqual([
      'tool.start',
      'permission.request',
      'permission.resolved',
      'tool.error',
    ]);
  });

  test('allows always: the same command is not asked about again, and the agent still asks', async () => {
    const acp = await startAcp();
    const { result } = await acp.start([command('npm test'), command('npm test', 'c2'), { say: 'done' }]);
    await acp.agent.permissions.decide((await asked(acp)).id, 'allow_always');
    const { sessionId } = await result;
    await acp.play([command('npm test'), { say: 'done' }], {}, sessionId);
    expect(outcomesOf(acp)).toEqual(['yes', 'yes', 'yes']);
    expect(acp.agent.permissions.stats().requested).toBe(1);
  });

  test('denies an edit: the agent is told, and the call is an error', async () => {
    const acp = await startAcp();
    const { result } = await acp.start([
      ...edit(acp),
      { update: { sessionUpdate: 'tool_call_update', toolCallId: 'e1', status: 'failed' } },
      { say: 'I was not allowed.' },
    ]);
    const permission = await asked(acp);
    expect(permission).toMatchObject({
      tool: 'edit_file',
      params: { path: 'a.txt', oldText: 'old', newText: 'new' },
      rule: 'edit_file(a.txt)',
    });
    await acp.agent.permissions.decide(permission.id, 'deny', 'not this file');
    await result;
    expect(outcomesOf(acp)).toEqual(['no']);
    expect(existsSync(join(acp.workspace, 'a.txt'))).toBe(false);
    const errors = (await acp.events()).filter(({ type }) => type === 'tool.error');
    expect(errors.map(({ data }) => data)).toMatchObject([
      {
        tool: 'edit_file',
        code: 'permission_denied',
        message: 'edit_file was not run: it was denied: not this file.',
      },
    ]);
  });

  test('is asked for each file of a call', async () => {
    const acp = await startAcp();
    const diff = (name: string): object => ({
      type: 'diff',
      path: join(acp.workspace, name),
      oldText: 'x',
      newText: 'y',
    });
    const { result } = await acp.start([
      { ask: { toolCallId: 'c', kind: 'edit', title: 'Patch', content: [diff('one'), diff('two')] } },
      { say: 'ok' },
    ]);
    await acp.agent.permissions.decide((await asked(acp)).id, 'allow');
    const second = await waitFor('the second file', () =>
      acp.agent.permissions.list({}).find(({ params }) => params.path === 'two'),
    );
    await acp.agent.permissions.decide(second.id, 'deny');
    await result;
    expect(outcomesOf(acp)).toEqual(['no']);
  });

  test('is asked about a call that was never announced, and about one without any facts', async () => {
    const acp = await startAcp();
    const { result } = await acp.start([{ ask: { toolCallId: 'unknown' } }, { ask: {} }, { say: 'ok' }]);
    for (const at of [0, 1]) {
      const permission = await waitFor('a permission', () =>
        acp.agent.permissions.stats().requested === at + 1 ? acp.agent.permissions.list({})[0] : undefined,
      );
      expect(permission.tool).toBe('other');
      await acp.agent.permissions.decide(permission.id, 'allow');
    }
    await result;
    expect(outcomesOf(acp)).toEqual(['yes', 'yes']);
  });

  test('that cancels the run withdraws the question', async () => {
    const acp = await startAcp();
    const { run, result } = await acp.start([command('npm test'), { sayOutcome: true }]);
    result.catch(() => undefined);
    await asked(acp);
    await acp.agent.runs.cancel(run.id);
    expect(await acp.agent.runs.get(run.id)).toMatchObject({ status: 'cancelled' });
    expect(outcomesOf(acp)).toEqual([{ outcome: 'cancelled' }]);
    expect(acp.agent.permissions.list({})).toEqual([]);
    expect(acp.received('cancel')).toHaveLength(1);
  });
});

describe('options', () => {
  test('without any to reject are answered as cancelled', async () => {
    const acp = await startAcp({ permissions: { allow: [], deny: ['bash'] } });
    const options = [{ optionId: 'yes', name: 'Allow', kind: 'allow_once' }];
    await acp.play([{ ...command('rm x'), options } as Step, { say: 'ok' }]);
    expect(outcomesOf(acp)).toEqual([{ outcome: 'cancelled' }]);
  });

  test('that only allow for ever are not chosen', async () => {
    const acp = await startAcp({ permissions: { allow: ['bash'], deny: [] } });
    const options = [
      { optionId: 'always', name: 'Always', kind: 'allow_always' },
      { optionId: 'never', name: 'Never', kind: 'reject_always' },
    ];
    await acp.play([{ ...command('ls'), options } as Step, { say: 'ok' }]);
    expect(outcomesOf(acp)).toEqual(['never']);
  });
});

describe('rules', () => {
  test('allow and deny commands, changes, deletions and tools of MCP servers', async () => {
    const acp = await startAcp({
      permissions: {
        allow: ['bash(npm *)', 'edit_file(src/**)', 'github__*'],
        deny: ['write_file(.env)', 'bash(npm publish *)', 'github__delete'],
      },
      permissionTimeoutMs: 1,
    });
    const file = (name: string): string => join(acp.workspace, name);
    const ask = (kind: string, more: object): Step => ({
      ask: { toolCallId: JSON.stringify(more), kind, title: 'T', ...more },
    });
    await acp.play([
      command('npm test'),
      command('npm publish now', 'c2'),
      command('make', 'c3'),
      ask('edit', { locations: [{ path: file('src/deep/a.ts') }] }),
      ask('edit', { locations: [{ path: file('.env') }] }),
      ask('delete', { locations: [{ path: file('.env') }] }),
      ask('other', { name: 'mcp__github__list' }),
      ask('other', { name: 'mcp__github__delete' }),
      ask('read', { locations: [{ path: file('a.txt') }] }),
      ask('read', { locations: [{ path: '/etc/passwd' }] }),
      ask('execute', { title: 'npm test' }),
      { say: 'ok' },
    ]);
    expect(outcomesOf(acp)).toEqual(['yes', 'no', 'no', 'yes', 'no', 'no', 'yes', 'no', 'yes', 'no', 'no']);
  });

  test('with wildcards allow no command if a sandbox is expected, since the agent runs it outside', async () => {
    const acp = await startAcp({
      sandbox: { mode: 'auto', network: false },
      permissions: { allow: ['bash(npm *)', 'bash(make)'], deny: [] },
      permissionTimeoutMs: 1,
    });
    await acp.play([command('npm test'), command('make', 'c2'), { say: 'ok' }]);
    expect(outcomesOf(acp)).toEqual(['no', 'yes']);
  });
});

describe('the mode', () => {
  test.for(['set_mode', 'option'] as const)('is set by %s before the first prompt', async (modes) => {
    const acp = await startAcp({ behaviour: { modes } });
    const { response, sessionId } = await acp.play([{ sayMode: true }]);
    expect(response).toBe('default');
    expect(await acp.play([{ sayMode: true }], { permissionMode: 'read-only' }, sessionId)).toMatchObject({
      response: 'plan',
    });
    expect(await acp.play([{ sayMode: true }], { permissionMode: 'full' }, sessionId)).toMatchObject({
      response: 'full',
    });
  });

  test('that is not configured is the one in which the agent opens a session, also after another one', async () => {
    const folder = temporaryFolder();
    const options: StartAcpOptions = {
      folder,
      behaviour: { resumes: true, firstMode: 'default' },
      config: { modes: { ask: null, full: 'full' } },
    };
    const first = await startAcp(options);
    const { sessionId } = await first.play([{ say: 'a' }], { permissionMode: 'full' });
    await first.stop();
    const acp = await startAcp(options);
    expect(await acp.play([{ sayMode: true }], {}, sessionId)).toMatchObject({ response: 'default' });
    await acp.play([{ say: 'a' }], { permissionMode: 'full' }, sessionId);
    expect(await acp.play([{ sayMode: true }], {}, sessionId)).toMatchObject({ response: 'default' });
  });

  test('is the asking one in mode full if there are deny rules', async () => {
    const acp = await startAcp({ permissions: { allow: [], deny: ['bash(rm *)'] } });
    expect(await acp.play([{ sayMode: true }], { permissionMode: 'full' })).toMatchObject({
      response: 'default',
    });
  });

  test('auto-edit allows edits, except of files that run later', async () => {
    const acp = await startAcp({ permissionTimeoutMs: 1 });
    await acp.play([...edit(acp), ...edit(acp, '.npmrc', 'e2'), command('ls'), { say: 'ok' }], {
      permissionMode: 'auto-edit',
    });
    expect(outcomesOf(acp)).toEqual(['yes', 'no', 'no']);
  });

  test('auto-edit and rules are about the workspace: a person decides about files outside', async () => {
    const acp = await startAcp({ permissionTimeoutMs: 1, permissions: { allow: ['write_file'], deny: [] } });
    symlinkSync(acp.outside, join(acp.workspace, 'link'));
    const change = (path: string, oldText: string | null): Step => ({
      ask: {
        toolCallId: path,
        kind: 'edit',
        title: 'T',
        content: [{ type: 'diff', path, oldText, newText: 'x' }],
      },
    });
    const outside = join(acp.outside, 'a.txt');
    const linked = join(acp.workspace, 'link', 'a.txt');
    await acp.play(
      [change(outside, 'a'), change(outside, null), change(linked, 'a'), change(linked, null), { say: 'ok' }],
      { permissionMode: 'auto-edit' },
    );
    expect(outcomesOf(acp)).toEqual(['no', 'no', 'no', 'no']);
    const [first] = (await acp.events()).filter(({ type }) => type === 'permission.request');
    expect(first?.data).toMatchObject({ reason: 'edit_file is about a file outside the workspace' });
  });

  test('read-only denies what changes something without asking anybody', async () => {
    const acp = await startAcp();
    await acp.play([...edit(acp), command('ls'), { say: 'ok' }], { permissionMode: 'read-only' });
    expect(outcomesOf(acp)).toEqual(['no', 'no']);
    expect(acp.agent.permissions.stats().requested).toBe(0);
  });

  test.for([
    ['has no modes', { modes: 'none' }],
    ['does not offer it', { modeIds: ['auto', 'full'] }],
    ['refuses it', { refusesModes: true }],
    ['keeps its old one', { modes: 'option', refusesModes: true }],
  ] as const)('that asks cannot be set if the agent %s: the prompt is not sent', async ([, behaviour]) => {
    const acp = await startAcp({ behaviour });
    for (const permissionMode of ['ask', 'read-only'] as const)
      await expect(acp.play([{ say: 'x' }], { permissionMode })).rejects.toMatchObject({
        code: expect.stringMatching(/^(not_supported_by_agent|agent_unavailable)$/),
      });
    expect(acp.received('prompt')).toEqual([]);
  });

  test('is set again when the agent leaves it', async () => {
    const acp = await startAcp();
    const gate = join(acp.folder, 'gate');
    const { result } = await acp.start([
      { update: { sessionUpdate: 'current_mode_update', currentModeId: 'auto' } },
      { waitFor: gate },
      { sayMode: true },
    ]);
    await waitFor('the mode', () => acp.received('set_mode').length === 2);
    writeFileSync(gate, '');
    expect(await result).toMatchObject({ response: 'default' });
  });
});

describe('an agent that does not ask', () => {
  const unasked = (acp: StartedAcp, name = 'a.txt'): readonly Step[] => {
    const path = join(acp.workspace, name);
    return [
      { write: path, content: 'new' },
      {
        update: {
          sessionUpdate: 'tool_call',
          toolCallId: 'u1',
          kind: 'edit',
          title: 'Edit',
          status: 'completed',
          content: [{ type: 'diff', path, oldText: 'a', newText: 'new' }],
        },
      },
      { hang: true },
    ];
  };

  test.for(['ask', 'read-only'] as const)('fails the run in mode %s', async (permissionMode) => {
    const acp = await startAcp();
    await expect(acp.play(unasked(acp), { permissionMode })).rejects.toMatchObject({
      code: 'agent_did_not_ask',
      message: expect.stringContaining('a.txt'),
    });
    expect(acp.received('cancel')).toHaveLength(1);
  });

  test('fails the run in mode full if a rule denies the change', async () => {
    const acp = await startAcp({ permissions: { allow: [], deny: ['write_file(.env)'] } });
    await expect(acp.play(unasked(acp, '.env'), { permissionMode: 'full' })).rejects.toMatchObject({
      code: 'agent_did_not_ask',
    });
  });

  test('may change what a rule allows, and what it asked for under another id', async () => {
    const acp = await startAcp({ permissions: { allow: ['edit_file(a.txt)'], deny: [] } });
    const allowed = unasked(acp).slice(0, 2);
    expect(await acp.play([...allowed, { say: 'ok' }])).toMatchObject({ response: 'ok' });
    const { result } = await acp.start([
      ...edit(acp, 'b.txt'),
      ...unasked(acp, 'b.txt').slice(0, 2),
      { say: 'ok' },
    ]);
    await acp.agent.permissions.decide((await asked(acp)).id, 'allow');
    expect(await result).toMatchObject({ response: 'ok' });
  });
});
