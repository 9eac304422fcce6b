// `codebuddy acp` with the offline agent: connecting, sessions, prompts, and what editors see of them.

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ForkSessionResponse, methods } from '@agentclientprotocol/sdk/unstable';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { run, serve, temporaryFolder } from '../cli/run-cli.ts';
import { waitFor } from '../wait-for.ts';
import { newSession, prompt, startEditor } from './start-acp.ts';

/** The ids of all processes that descend from the process. */
function descendantsOf(pid: number | undefined): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // `pid (name) state parent …`
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ id: Number(name), parent: Number(stat.split(') ').at(-1)?.split(' ')[1]) }];
      } catch {
        // It has ended.
        return [];
      }
    });
  const children = parents.filter(({ parent }) => parent === pid).map(({ id }) => id);
  return [...children, ...children.flatMap(descendantsOf)];
}

/** A server whose workspace is its config folder, with a file. */
async function serveFolder(): Promise<{ home: string; client: CodeBuddyClient }> {
  const home = temporaryFolder();
  writeFileSync(join(home, 'a.txt'), 'alpha\n');
  await serve(home);
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  return { home, client };
}

test('an editor gets our protocol version and what the agent can do, whichever version it asks for', async () => {
  const home = temporaryFolder();
  const { agent } = await startEditor(home, { initialize: false });
  const answer = await agent.request(methods.agent.initialize, { protocolVersion: 99 });
  expect(answer).toMatchObject({
    protocolVersion: 1,
    agentInfo: { name: 'codebuddy', title: 'Code Buddy' },
    agentCapabilities: {
      loadSession: true,
      promptCapabilities: { image: false, embeddedContext: true },
      sessionCapabilities: { list: {}, delete: {}, resume: {}, close: {}, fork: {} },
    },
    authMethods: [],
  });
});

test('a prompt streams its tool calls and its text, and is in the log of the server', async () => {
  const { home, client } = await serveFolder();
  const editor = await startEditor(home);
  const sessionId = await newSession(editor, home);
  const answer = await prompt(editor, sessionId, 'read a.txt');
  expect(answer).toMatchObject({ stopReason: 'end_turn' });
  expect(editor.text()).toContain('alpha');
  const [call] = editor.of('tool_call');
  expect(call).toMatchObject({
    title: 'Read a.txt',
    kind: 'read',
    status: 'in_progress',
    locations: [{ path: join(home, 'a.txt') }],
    rawInput: { path: 'a.txt' },
  });
  expect(editor.of('tool_call_update').at(-1)).toMatchObject({
    toolCallId: call?.toolCallId,
    status: 'completed',
    content: [{ type: 'content', content: { type: 'text', text: '```\nalpha\n```' } }],
  });
  // The same session and run, and an id that both sides have.
  const { runs } = await client.runs.list({ sessionId });
  expect(runs).toMatchObject([{ status: 'completed', prompt: 'read a.txt' }]);
  expect(answer._meta).toMatchObject({ codebuddy: { runId: runs[0]?.id, model: 'offline' } });
  const { events } = await client.events.list({ sessionId, type: 'tool.start' });
  expect(events[0]?.data).toMatchObject({ callId: call?.toolCallId });
  // Set beside the run.
  const info = await waitFor('the title', () => editor.of('session_info_update')[0]);
  expect(info.title).toBe('read a.txt');
  expect((await client.sessions.get(sessionId)).title).toBe('read a.txt');
  expect(await editor.leave()).toBe(0);
  expect(editor.running.output.stderr).toBe('');
});

test('an edit shows its difference, and a failed call its reason', async () => {
  const { home } = await serveFolder();
  const editor = await startEditor(home);
  const sessionId = await newSession(editor, home);
  await prompt(editor, sessionId, 'replace alpha with beta in a.txt');
  const path = join(home, 'a.txt');
  expect(editor.of('tool_call')[0]).toMatchObject({
    title: 'Edit a.txt',
    kind: 'edit',
    content: [{ type: 'diff', path, oldText: 'alpha', newText: 'beta' }],
  });
  await prompt(editor, sessionId, 'write new.txt: first');
  const diff = { type: 'diff', path: join(home, 'new.txt'), oldText: null, newText: 'first' };
  const shown = [editor.of('tool_call')[1]?.content, editor.of('tool_call_update').at(-1)?.content];
  expect(shown).toContainEqual([diff]);
  await prompt(editor, sessionId, 'read missing.txt');
  expect(editor.of('tool_call_update').at(-1)).toMatchObject({
    status: 'failed',
    rawOutput: { code: 'file_not_found' },
  });
});

test('mentions and embedded files are part of the prompt; images are refused', async () => {
  const { home, client } = await serveFolder();
  const { agent, text, ...editor } = await startEditor(home);
  const sessionId = await newSession({ agent, text, ...editor }, home);
  const uri = pathToFileURL(join(home, 'a.txt')).href;
  await agent.request(methods.agent.session.prompt, {
    sessionId,
    prompt: [
      { type: 'text', text: 'read ' },
      { type: 'resource_link', uri, name: 'a.txt' },
    ],
  });
  expect(text()).toContain('alpha');
  await agent.request(methods.agent.session.prompt, {
    sessionId,
    prompt: [
      { type: 'text', text: 'explain ' },
      { type: 'resource', resource: { uri: `${uri}#L1:2`, text: 'the lines' } },
    ],
  });
  const { runs } = await client.runs.list({ sessionId });
  expect(runs[0]?.prompt).toBe('explain a.txt#L1:2\n\n<context ref="a.txt#L1:2">\nthe lines\n</context>');
  const refused = async (block: Parameters<typeof send>[0], message: string): Promise<void> => {
    await expect(send(block)).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining(message),
    });
  };
  const send = (block: { type: 'image'; data: string; mimeType: string } | { type: 'text'; text: string }) =>
    agent.request(methods.agent.session.prompt, { sessionId, prompt: [block] });
  await refused({ type: 'image', data: '', mimeType: 'image/png' }, 'prompt[0] must be text or a resource');
  await refused({ type: 'text', text: ' ' }, 'prompt must contain text');
  expect((await client.runs.list({ sessionId })).runs).toHaveLength(2);
});

test('a folder that is not the workspace of the server is refused', async () => {
  const { home } = await serveFolder();
  const editor = await startEditor(home);
  const other = temporaryFolder();
  await expect(newSession(editor, other)).rejects.toMatchObject({
    code: -32602,
    message: expect.stringContaining(
      `The running server works in ${home}, and the editor has ${other} open.`,
    ),
    data: { cwd: other, workspace: home },
  });
  await expect(newSession(editor, 'relative')).rejects.toMatchObject({
    code: -32602,
    message: 'cwd must be an absolute path, not "relative".',
  });
  // A link to the workspace is the workspace.
  const link = join(other, 'link');
  symlinkSync(home, link);
  expect(await newSession(editor, link)).toMatch(/^ses_/);
});

test('without a server, one is started in the folder of the editor', async () => {
  const home = temporaryFolder();
  const folder = join(home, 'project');
  mkdirSync(folder);
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ port: 0 }));
  onTestFinished(async () => void (await run(home, ['stop'])));
  const editor = await startEditor(home, { env: { CODEBUDDY_AUTOSTART: 'true' } });
  const sessionId = await newSession(editor, folder);
  await prompt(editor, sessionId, 'write a.txt: hi');
  expect(editor.running.output.stderr).toContain(`starting one in ${folder}.`);
  const { pid } = JSON.parse(readFileSync(join(home, 'api', 'server.json'), 'utf8')) as { pid: number };
  // Some editors end all processes that descend from the agent.
  if (process.platform === 'linux') expect(descendantsOf(editor.running.child.pid)).not.toContain(pid);
  // The server outlives the editor.
  expect(await editor.leave()).toBe(0);
  const { workspace } = JSON.parse((await run(home, ['status', '--json'])).stdout) as { workspace: string };
  expect(workspace).toBe(folder);
});

test('without a server, --no-autostart makes each request fail until there is one', async () => {
  const home = temporaryFolder();
  const editor = await startEditor(home, {
    args: ['--no-autostart'],
    env: { CODEBUDDY_AUTOSTART: 'true' },
  });
  await expect(newSession(editor, home)).rejects.toMatchObject({
    code: -32603,
    message: expect.stringContaining('No server is running'),
    data: { code: 'server_unreachable' },
  });
  await serve(home);
  expect(await newSession(editor, home)).toMatch(/^ses_/);
});

test('a wrong API key is reported as missing authentication', async () => {
  const { home } = await serveFolder();
  const editor = await startEditor(home, { env: { CODEBUDDY_API_KEY: 'wrong-key-wrong-key' } });
  const expected = { code: -32000, message: expect.stringContaining('The server refused the API key.') };
  await expect(newSession(editor, home)).rejects.toMatchObject(expected);
  await expect(editor.agent.request(methods.agent.authenticate, { methodId: 'any' })).rejects.toMatchObject(
    expected,
  );
  const known = await startEditor(home);
  expect(await known.agent.request(methods.agent.authenticate, { methodId: 'any' })).toEqual({});
});

test('sessions are listed, loaded with their messages, resumed, forked, closed and deleted', async () => {
  const { home, client } = await serveFolder();
  const first = await startEditor(home);
  const sessionId = await newSession(first, home);
  await prompt(first, sessionId, 'read a.txt');
  await first.leave();

  const editor = await startEditor(home);
  const { agent } = editor;
  const opening = { cwd: home, sessionId, mcpServers: [] };
  const listed = await agent.request(methods.agent.session.list, { cwd: home });
  expect(listed.sessions).toMatchObject([{ sessionId, cwd: home, title: 'read a.txt' }]);
  expect(await agent.request(methods.agent.session.list, { cwd: temporaryFolder() })).toEqual({
    sessions: [],
  });
  // It is not open yet on this connection.
  await expect(prompt(editor, sessionId, 'help')).rejects.toMatchObject({
    code: -32002,
    data: { sessionId },
  });
  const loaded = await agent.request(methods.agent.session.load, opening);
  expect(loaded).toMatchObject({ modes: { currentModeId: 'ask' } });
  expect(editor.updates.map(({ update }) => update.sessionUpdate)).toEqual([
    'user_message_chunk',
    'tool_call',
    'agent_message_chunk',
  ]);
  expect(editor.of('user_message_chunk')[0]?.content).toEqual({ type: 'text', text: 'read a.txt' });
  expect(editor.of('tool_call')[0]).toMatchObject({ status: 'completed', title: 'Read a.txt', kind: 'read' });
  expect(editor.text()).toContain('alpha');

  const seen = editor.updates.length;
  await agent.request(methods.agent.session.resume, opening);
  expect(editor.updates).toHaveLength(seen);
  const fork = await agent.request<ForkSessionResponse>(methods.agent.session.fork, opening);
  expect(await client.sessions.get(fork.sessionId)).toMatchObject({ forkedFrom: { sessionId } });
  expect(await prompt(editor, fork.sessionId, 'help')).toMatchObject({ stopReason: 'end_turn' });

  await agent.request(methods.agent.session.close, { sessionId });
  await expect(prompt(editor, sessionId, 'help')).rejects.toMatchObject({ code: -32002 });
  await agent.request(methods.agent.session.resume, opening);
  await agent.request(methods.agent.session.delete, { sessionId });
  await expect(client.sessions.get(sessionId)).rejects.toMatchObject({ code: 'session_not_found' });
  await expect(agent.request(methods.agent.session.load, opening)).rejects.toMatchObject({
    code: -32002,
    data: { code: 'session_not_found' },
  });
});

test('a list of sessions comes in pages', async () => {
  const { home, client } = await serveFolder();
  for (let made = 0; made < 60; made++) await client.sessions.create({ title: `session ${made}` });
  const { agent } = await startEditor(home);
  const titles: (string | null | undefined)[] = [];
  let cursor: string | null | undefined;
  let pages = 0;
  do {
    const page = await agent.request(methods.agent.session.list, {
      cwd: home,
      ...(cursor ? { cursor } : {}),
    });
    titles.push(...page.sessions.map(({ title }) => title));
    cursor = page.nextCursor;
    pages++;
  } while (cursor);
  expect(pages).toBeGreaterThan(1);
  expect(new Set(titles).size).toBe(60);
});

test('the mode and the model are chosen as modes and as config options', async () => {
  const { home, client } = await serveFolder();
  const editor = await startEditor(home);
  const { agent } = editor;
  const opened = await agent.request(methods.agent.session.new, { cwd: home, mcpServers: [] });
  const { sessionId } = opened;
  expect(opened.modes?.availableModes.map(({ id }) => id)).toEqual(['read-only', 'ask', 'auto-edit', 'full']);
  expect(opened.configOptions).toMatchObject([
    { id: 'mode', category: 'mode', currentValue: 'ask' },
    { id: 'model', category: 'model', currentValue: 'offline' },
  ]);
  await agent.request(methods.agent.session.setMode, { sessionId, modeId: 'read-only' });
  expect(editor.of('current_mode_update')).toMatchObject([{ currentModeId: 'read-only' }]);
  await prompt(editor, sessionId, 'write b.txt: no');
  expect(editor.of('tool_call').at(-1)).toMatchObject({ status: 'failed' });
  expect(editor.text()).toContain('read-only');
  const changed = await agent.request(methods.agent.session.setConfigOption, {
    sessionId,
    configId: 'mode',
    value: 'full',
  });
  expect(changed.configOptions[0]).toMatchObject({ currentValue: 'full' });
  expect(editor.of('current_mode_update').at(-1)).toMatchObject({ currentModeId: 'full' });
  await prompt(editor, sessionId, 'write b.txt: yes');
  expect((await client.runs.list({ sessionId })).runs[0]).toMatchObject({ status: 'completed' });
  expect(editor.of('tool_call_update').at(-1)).toMatchObject({ status: 'completed' });

  const set = (configId: string, value: string) =>
    agent.request(methods.agent.session.setConfigOption, { sessionId, configId, value });
  await expect(set('model', 'other/model')).rejects.toMatchObject({
    code: -32602,
    message: 'The model must be one of offline, not "other/model".',
  });
  await expect(set('speed', 'fast')).rejects.toMatchObject({ message: expect.stringContaining('"speed"') });
  await expect(
    agent.request(methods.agent.session.setMode, { sessionId, modeId: 'yolo' }),
  ).rejects.toMatchObject({ code: -32602, message: expect.stringContaining('not "yolo"') });
});

test('the mode of the server is the first one of a session', async () => {
  const home = temporaryFolder();
  await serve(home, ['--permission-mode', 'auto-edit']);
  const { agent } = await startEditor(home);
  const { modes } = await agent.request(methods.agent.session.new, { cwd: home, mcpServers: [] });
  expect(modes?.currentModeId).toBe('auto-edit');
});
