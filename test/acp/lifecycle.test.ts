// `codebuddy acp` when the editor leaves in the middle of a turn, and when the server stops.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient, type Run } from '../../src/client/index.ts';
import type { ModelReply } from '../agent/model-server-types.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { type ModelHome, serveModel } from '../cli/model-home.ts';
import { run, type Server, serve } from '../cli/run-cli.ts';
import { waitFor } from '../wait-for.ts';
import { type Editor, newSession, prompt, type StartOptions, startEditor } from './start-acp.ts';

interface Prompted extends ModelHome {
  readonly editor: Editor;
  readonly sessionId: string;
  readonly answer: ReturnType<typeof prompt>;
}

/** A prompt whose model does not answer. */
async function promptSilence(
  options: StartOptions = {},
  reply: ModelReply = { kind: 'silence' },
): Promise<Prompted> {
  const running = await serveModel(reply);
  const editor = await startEditor(running.home, options);
  const sessionId = await newSession(editor, running.workspace);
  const answer = prompt(editor, sessionId, 'go');
  answer.catch(() => undefined);
  await waitFor('the request to the model', () => running.model.requests.length === 1);
  return { ...running, editor, sessionId, answer };
}

/** A prompt whose model begins to answer. The editor has the beginning. */
async function promptBegun(): Promise<Prompted> {
  const prompted = await promptSilence({}, { kind: 'answer', text: ['I begin', '.'], silentAfter: 1 });
  await waitFor('the beginning', () => prompted.editor.text() !== '');
  return prompted;
}

async function runOf({ home, sessionId }: Pick<Prompted, 'home' | 'sessionId'>): Promise<Run | undefined> {
  const client = new CodeBuddyClient({ home });
  try {
    return (await client.runs.list({ sessionId })).runs[0];
  } finally {
    client.close();
  }
}

async function kill({ child, finished }: Server): Promise<void> {
  child.kill('SIGKILL');
  await finished;
}

function serveAgain({ home, workspace }: Prompted): Promise<Server> {
  return serve(home, [], { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace });
}

test('an editor that leaves in the middle of a turn cancels its run', async () => {
  const prompted = await promptBegun();
  expect(await prompted.editor.leave()).toBe(0);
  expect(await runOf(prompted)).toMatchObject({ status: 'cancelled' });
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s cancels the runs', async (signal) => {
  const prompted = await promptBegun();
  const { child, finished } = prompted.editor.running;
  child.kill(signal);
  expect((await finished).code).toBe(0);
  expect(await runOf(prompted)).toMatchObject({ status: 'cancelled' });
});

test('an editor that leaves while it is asked leaves no question behind', async () => {
  const { home, workspace } = await serveModel(calls('write_file', { path: 'a', content: '' }));
  const editor = await startEditor(home, { onPermission: () => new Promise(() => undefined) });
  const sessionId = await newSession(editor, workspace);
  prompt(editor, sessionId, 'go').catch(() => undefined);
  await waitFor('the question', () => editor.permissions.length === 1);
  expect(await editor.leave()).toBe(0);
  expect(await runOf({ home, sessionId })).toMatchObject({ status: 'cancelled' });
});

test('with --detach, the run continues without the editor', async () => {
  const replies = [calls('bash', { command: 'while [ ! -e go ]; do sleep 0.05; done' }), says('finished')];
  const { home, workspace, model } = await serveModel(replies, { permissionMode: 'full' });
  const editor = await startEditor(home, { args: ['--detach'] });
  const sessionId = await newSession(editor, workspace);
  prompt(editor, sessionId, 'go').catch(() => undefined);
  await waitFor('the call', () => editor.of('tool_call').length === 1);
  expect(await editor.leave()).toBe(0);
  writeFileSync(join(workspace, 'go'), '');
  await waitFor(
    'the run to complete',
    async () => (await runOf({ home, sessionId }))?.status === 'completed',
  );
  expect(model.requests).toHaveLength(2);
});

test('a prompt survives a server that is killed and started again', async () => {
  const prompted = await promptSilence();
  await kill(prompted.server);
  prompted.model.reply(says('after the restart'));
  await serveAgain(prompted);
  expect(await prompted.answer).toMatchObject({ stopReason: 'end_turn' });
  expect(prompted.editor.text()).toBe('after the restart');
  // The same run.
  expect(await runOf(prompted)).toMatchObject({ prompt: 'go', response: 'after the restart' });
});

test('a prompt survives a restart in order, with its open question', async () => {
  const replies = [calls('write_file', { path: 'a', content: '' })];
  const { home, workspace, model, server } = await serveModel(replies);
  let asked = 0;
  const decision = Promise.withResolvers<void>();
  const editor = await startEditor(home, {
    onPermission: async () => {
      asked++;
      await decision.promise;
      return { outcome: { outcome: 'selected', optionId: 'allow' } };
    },
  });
  const sessionId = await newSession(editor, workspace);
  const answer = prompt(editor, sessionId, 'go');
  await waitFor('the question', () => asked === 1);
  model.reply([says('done')]);
  expect((await run(home, ['stop'])).code).toBe(0);
  await server.finished;
  await serve(home, [], { CODEBUDDY_MODEL: '', CODEBUDDY_WORKSPACE: workspace });
  // The dialog of the editor is still open, and the run still waits for it.
  decision.resolve();
  expect(await answer).toMatchObject({ stopReason: 'end_turn' });
  expect(asked).toBe(1);
  expect(editor.text()).toBe('done');
});

test('a server that was killed is started again by the editor, if that is allowed', async () => {
  const prompted = await promptSilence({ env: { CODEBUDDY_AUTOSTART: 'true', CODEBUDDY_MODEL: '' } });
  const { home, model, workspace } = prompted;
  onTestFinished(async () => void (await run(home, ['stop'])));
  const config = { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } }, port: 0 };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ ...config, workspace }));
  model.reply(says('after the crash'));
  await kill(prompted.server);
  expect(await prompted.answer).toMatchObject({ stopReason: 'end_turn' });
  expect(prompted.editor.text()).toBe('after the crash');
  const { output } = prompted.editor.running;
  await waitFor('the message', () => output.stderr.includes('starting one in'));
});

test('a server that was stopped for good ends the turn with an error that names the run', async () => {
  const prompted = await promptBegun();
  const { id } = (await runOf(prompted)) ?? {};
  expect((await run(prompted.home, ['stop'])).code).toBe(0);
  await expect(prompted.answer).rejects.toMatchObject({ code: -32603, data: { runId: id } });
});
