// Real agents behind the server: prompts, permissions, cancellation, and sessions that continue after a restart.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CodeBuddyClient } from '../../src/client/index.ts';
import type { PermissionMode } from '../../src/contract/permission-mode.ts';
import { temporaryFolder } from '../cli/run-cli.ts';
import { waitFor } from '../wait-for.ts';
import { selectedAgents } from './install-agents.ts';
import { answers, content, prompts } from './model-script.ts';
import { noteFacts } from './outcome-table.ts';
import { nextMinute, type RealAgentServer, startRealAgent } from './start-real-agent.ts';

const mcpServer = fileURLToPath(new URL('../agent/mcp-misbehaving-server.ts', import.meta.url));

type Decision = 'allow' | 'deny';

interface Outcome {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly text: string;
  readonly types: readonly string[];
  /** What was asked. */
  readonly asked: readonly string[];
  readonly sessionId: string;
  readonly tokens: number;
}

/** Sends a prompt, answers each question with the same decision, and reads the stream to its end. */
async function prompt(
  { client }: RealAgentServer,
  text: string,
  options: { sessionId?: string; mode?: PermissionMode; decision?: Decision; model?: string } = {},
): Promise<Outcome> {
  const { sessionId, mode = 'ask', decision = 'allow', model } = options;
  const seen = { types: [] as string[], asked: [] as string[], text: '', sessionId: '', tokens: 0 };
  const request = {
    prompt: text,
    ...(sessionId === undefined ? {} : { sessionId }),
    options: { permissionMode: mode, ...(model === undefined ? {} : { model }) },
  };
  for await (const event of client.stream(request)) {
    seen.types.push(event.type);
    seen.sessionId = event.sessionId ?? seen.sessionId;
    if (event.type === 'message.delta') seen.text += event.data.text;
    if (event.type === 'permission.request') {
      seen.asked.push(event.data.tool);
      await client.permissions.decide(event.data.permissionId, { decision });
    }
    if (event.type === 'run.failed') throw new Error(JSON.stringify(event.data));
    if (event.type === 'run.complete')
      return { status: 'completed', ...seen, tokens: event.data.usage?.totalTokens ?? 0 };
    if (event.type === 'run.cancelled') return { status: 'cancelled', ...seen };
  }
  throw new Error(`the stream ended early: ${seen.types.join(', ')}`);
}

describe.each(selectedAgents())('$name', (agent) => {
  it('answers a prompt and reports its tokens', async () => {
    const started = await startRealAgent(agent);
    const { status, text, tokens, types } = await prompt(started, prompts.greet);
    expect({ status, text }).toEqual({ status: 'completed', text: expect.stringContaining('Hello there.') });
    expect(tokens).toBeGreaterThan(0);
    expect(types).toContain('message.delta');

    const { agents } = await started.client.agents.list();
    const found = agents.find(({ name }) => name === agent.name);
    expect(found).toMatchObject({ status: 'ready', version: agent.version, isDefault: true });
    if (found !== undefined) noteFacts(found);
  });

  it('asks before it writes a file, and the server reports the change', async () => {
    const started = await startRealAgent(agent);
    const file = join(started.workspace, 'notes.txt');
    const { status, text, asked } = await prompt(started, prompts.write(file));
    expect({ status, asked: asked.length }).toEqual({ status: 'completed', asked: 1 });
    expect(text).toContain(answers.afterTool);
    expect(readFileSync(file, 'utf8')).toBe(content);
    await reported(started.client, 'notes.txt');
  });

  it('writes nothing that was denied, and the session continues', async () => {
    const started = await startRealAgent(agent);
    const file = join(started.workspace, 'notes.txt');
    const { status, asked, sessionId } = await prompt(started, prompts.write(file), { decision: 'deny' });
    expect({ status, asked: asked.length }).toEqual({ status: 'completed', asked: 1 });
    expect(existsSync(file)).toBe(false);
    expect(await prompt(started, prompts.greet, { sessionId })).toMatchObject({ status: 'completed' });
  });

  it('asks before it runs a command, which ends with the cancelled run; the server leaves no process', async () => {
    const started = await startRealAgent(agent);
    const seconds = `${200_000 + process.pid}`;
    const run = await started.client.runs.start({
      // Some agents run commands that change nothing without asking.
      prompt: prompts.run(`touch started.txt; sleep ${seconds}`),
      options: { permissionMode: 'ask' },
    });
    const [permission] = await waitFor('the question', async () => {
      const { permissions } = await started.client.permissions.list({ runId: run.id });
      return permissions.length > 0 && permissions;
    });
    await started.client.permissions.decide(permission?.id ?? '', { decision: 'allow' });
    const sleeping = (): boolean => started.processes().some((line) => line === `sleep ${seconds}`);
    await waitFor('the command', sleeping, () => started.processes());
    await started.client.runs.cancel(run.id);
    await waitFor('the end of the run', async () => {
      return (await started.client.runs.get(run.id)).status === 'cancelled';
    });
    await waitFor(
      'the end of the command',
      () => !sleeping(),
      () => started.processes(),
    );
    await started.stop();
    expect(started.processes()).toEqual([]);
  });

  it('can be cancelled while it answers, and the session continues', async () => {
    const started = await startRealAgent(agent);
    const run = await started.client.runs.start(prompts.tellSlowly);
    let text = '';
    for await (const event of started.client.runs.events(run.id, { deltas: true })) {
      if (event.type === 'message.delta') text += event.data.text;
      if (text.includes('upon')) break;
    }
    await started.client.runs.cancel(run.id);
    await waitFor('the end of the run', async () => {
      return (await started.client.runs.get(run.id)).status === 'cancelled';
    });
    const { status } = await prompt(started, prompts.greet, { sessionId: run.sessionId });
    expect(status).toBe('completed');
  });

  it('continues a session in a new process after a restart of the server', async () => {
    const started = await startRealAgent(agent);
    const { sessionId } = await prompt(started, prompts.remember);
    if (agent.name === 'gemini') await nextMinute();
    await started.restart();
    const { text } = await prompt(started, prompts.recall, { sessionId });
    expect(text).toContain('It was heron.');
    expect(text).not.toContain('Hello');
    const { messages } = await started.client.sessions.messages(sessionId);
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
  });

  it.each(['ask', 'read-only'] as const)(
    'changes nothing unasked in mode %s, although the files of the workspace allow everything',
    async (mode) => {
      const started = await startRealAgent(agent);
      for (const [path, text] of Object.entries(agent.allowingFiles)) {
        mkdirSync(dirname(join(started.workspace, path)), { recursive: true });
        writeFileSync(join(started.workspace, path), text);
      }
      const file = join(started.workspace, 'notes.txt');
      const { asked } = await prompt(started, prompts.write(file), { mode, decision: 'deny' });
      expect({ asked: asked.length, written: existsSync(file) }).toEqual({
        asked: mode === 'ask' ? 1 : 0,
        written: false,
      });
    },
  );

  it('changes nothing in mode read-only, and asks nothing in auto-edit and full', async () => {
    const started = await startRealAgent(agent);
    const file = (name: string): string => join(started.workspace, name);
    const readOnly = await prompt(started, prompts.write(file('a.txt')), { mode: 'read-only' });
    expect({ asked: readOnly.asked, written: existsSync(file('a.txt')) }).toEqual({
      asked: [],
      written: false,
    });
    const autoEdit = await prompt(started, prompts.write(file('b.txt')), { mode: 'auto-edit' });
    expect({ asked: autoEdit.asked, written: existsSync(file('b.txt')) }).toEqual({
      asked: [],
      written: true,
    });
    const full = await prompt(started, prompts.run(`touch ${file('c.txt')}`), { mode: 'full' });
    expect({ asked: full.asked, written: existsSync(file('c.txt')) }).toEqual({ asked: [], written: true });
  });

  it(`${agent.usesMcpServers ? 'uses' : 'does not use'} the configured MCP servers`, async () => {
    const log = join(temporaryFolder(), 'mcp.jsonl');
    writeFileSync(log, '');
    const tools = { command: process.execPath, args: [mcpServer], env: { MCP_TEST_LOG: log } };
    const started = await startRealAgent(agent, { mcpServers: { tools } });
    await prompt(started, prompts.greet);
    const methods = (): readonly unknown[] =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { method?: string }).method);
    if (agent.usesMcpServers)
      await waitFor('its list of tools', () => methods().includes('tools/list'), methods);
    else expect(methods()).toEqual([]);
  });
});

async function reported(client: CodeBuddyClient, path: string): Promise<void> {
  await waitFor('the event of the file', async () => {
    const { events } = await client.events.list({ types: ['file.*'] });
    return events.some(({ data }) => JSON.stringify(data).includes(path));
  });
}
