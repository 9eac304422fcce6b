// `codebuddy acp` and editors that do not follow the protocol.

import { methods } from '@agentclientprotocol/sdk/unstable';
import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { says } from '../agent/start-model-agent.ts';
import { serveModel } from '../cli/model-home.ts';
import { type Running, run, serve, start, temporaryFolder } from '../cli/run-cli.ts';
import { waitFor } from '../wait-for.ts';
import { newSession, prompt, startEditor } from './start-acp.ts';

interface Message {
  readonly id?: number | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Sends lines as they are. */
async function startRaw() {
  const home = temporaryFolder();
  await serve(home);
  const running = start(home, ['acp']);
  const messages = (): readonly Message[] =>
    running.output.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Message);
  return {
    home,
    running,
    send: (line: string) => running.child.stdin.write(`${line}\n`),
    answer: (id: number | null) =>
      waitFor(
        `the answer ${id}`,
        () => messages().find((message) => message.id === id),
        () => running.output,
      ),
  };
}

function request(id: number, method: string, params: object = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

const hello = request(0, 'initialize', { protocolVersion: 1 });

test('requests before initialize are refused, and the connection stays usable', async () => {
  const { home, send, answer } = await startRaw();
  send(request(1, 'session/new', { cwd: home, mcpServers: [] }));
  expect(await answer(1)).toMatchObject({ error: { code: -32600 } });
  send(hello);
  expect(await answer(0)).toMatchObject({ result: { protocolVersion: 1 } });
  send(request(2, 'session/new', { cwd: home, mcpServers: [] }));
  expect(await answer(2)).toMatchObject({ result: { sessionId: expect.stringMatching(/^ses_/) } });
});

test('unknown methods, unknown notifications and odd messages do no harm', async () => {
  const { home, running, send, answer } = await startRaw();
  send(hello);
  await answer(0);
  send(request(1, 'session/teleport'));
  expect(await answer(1)).toMatchObject({ error: { code: -32601 } });
  send(request(2, 'fs/read_text_file', { path: '/etc/passwd' }));
  expect(await answer(2)).toMatchObject({ error: { code: -32601 } });
  send(JSON.stringify({ jsonrpc: '2.0', method: 'session/unknown', params: {} }));
  send(JSON.stringify({ jsonrpc: '2.0', method: 'session/cancel', params: { sessionId: 'ses_none' } }));
  send(JSON.stringify({ jsonrpc: '2.0', method: 'session/cancel', params: {} }));
  // The answer to a request that was never sent.
  send(JSON.stringify({ jsonrpc: '2.0', id: 77, result: {} }));
  send(request(3, 'session/list', { cwd: home }));
  expect(await answer(3)).toMatchObject({ result: { sessions: [] } });
  running.child.stdin.end();
  expect((await running.finished).code).toBe(0);
});

test('lines that are not JSON are answered, and skipped', async () => {
  const { running, send, answer } = await startRaw();
  send('{"jsonrpc":');
  expect(await answer(null)).toMatchObject({ error: { code: -32700 } });
  send('');
  send('\u0000\uffff');
  send('[]');
  send('"text"');
  send(hello);
  expect(await answer(0)).toMatchObject({ result: { protocolVersion: 1 } });
  running.child.stdin.end('{"jsonrpc":"2.0","id":9,"meth');
  expect((await running.finished).code).toBe(0);
});

test('invalid parameters are errors that name the field', async () => {
  const { send, answer } = await startRaw();
  send(hello);
  await answer(0);
  send(request(1, 'session/new', { cwd: 7, mcpServers: [] }));
  expect(await answer(1)).toMatchObject({ error: { code: -32602 } });
  expect(JSON.stringify(await answer(1))).toContain('cwd');
  send(request(2, 'session/prompt', { sessionId: 'ses_none', prompt: [{ type: 'text', text: 'hi' }] }));
  expect(await answer(2)).toMatchObject({
    error: { code: -32002, message: expect.stringContaining('"ses_none" is not open') },
  });
  send(request(3, 'session/set_mode', { sessionId: 'ses_none', modeId: 'ask' }));
  expect(await answer(3)).toMatchObject({ error: { code: -32002 } });
  send(request(4, 'session/close', { sessionId: 'ses_none' }));
  expect(await answer(4)).toMatchObject({ error: { code: -32002 } });
});

test('two prompts at once in one session are answered one after the other', async () => {
  const { home, workspace, model } = await serveModel(({ messages }) => says(`${messages.at(-1)?.text}!`));
  const editor = await startEditor(home);
  const sessionId = await newSession(editor, workspace);
  const texts = ['one', 'two', 'three', 'four'];
  const answers = await Promise.all(texts.map((text) => prompt(editor, sessionId, text)));
  expect(answers.map(({ stopReason }) => stopReason)).toEqual(texts.map(() => 'end_turn'));
  expect(editor.text()).toBe('one!two!three!four!');
  expect(model.requests.map(({ messages }) => messages.at(-1)?.text)).toEqual(texts);
});

test('cancelling ends all prompts of the session, and of no other one', async () => {
  const { home, workspace, model } = await serveModel({ kind: 'silence' });
  const editor = await startEditor(home);
  const [first, second] = [await newSession(editor, workspace), await newSession(editor, workspace)];
  const cancelled = Promise.all(['one', 'two'].map((text) => prompt(editor, first, text)));
  const other = prompt(editor, second, 'three');
  other.catch(() => undefined);
  await waitFor('both sessions to work', () => model.requests.length === 2);
  await editor.agent.notify(methods.agent.session.cancel, { sessionId: first });
  expect((await cancelled).map(({ stopReason }) => stopReason)).toEqual(['cancelled', 'cancelled']);
  const client = new CodeBuddyClient({ home });
  const { runs } = await client.runs.list({ sessionId: second });
  client.close();
  expect(runs).toMatchObject([{ status: 'running' }]);
});

test('an editor that closes its output in the middle of a turn cancels its run', async () => {
  const { home, workspace } = await serveModel({ kind: 'answer', text: ['I begin', '.'], silentAfter: 1 });
  const editor = await startEditor(home);
  const sessionId = await newSession(editor, workspace);
  prompt(editor, sessionId, 'go').catch(() => undefined);
  await waitFor('the beginning of the answer', () => editor.text() !== '');
  const { child, finished } = editor.running;
  child.stdout.destroy();
  child.stdin.end();
  child.stderr.resume();
  await waitFor('the process to end', () => child.exitCode !== null);
  expect(child.exitCode).toBe(0);
  const client = new CodeBuddyClient({ home });
  const { runs } = await client.runs.list({ sessionId });
  client.close();
  expect(runs).toMatchObject([{ status: 'cancelled' }]);
  await finished;
});

test('wrong flags are reported on standard error, with nothing on standard output', async () => {
  const home = temporaryFolder();
  const ended: Pick<Running['output'], 'stdout' | 'stderr'> & { code: number | null } = await run(home, [
    'acp',
    '--port',
    '1',
  ]);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain('--port');
});
