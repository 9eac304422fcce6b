// Agents that break the protocol, end, fall silent or write too much: the run ends with a clear error or continues, and
// the server and the other sessions live on.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isProcessAlive } from '../../../src/base/is-process-alive.ts';
import { waitFor } from '../../wait-for.ts';
import { collectDeltas } from './collect-deltas.ts';
import { manualTimers } from './manual-timers.ts';
import type { Behaviour, Step } from './script.ts';
import { startAcp } from './start-acp.ts';

const chunk = (text: string): object => ({
  sessionUpdate: 'agent_message_chunk',
  content: { type: 'text', text },
});
const message = (fields: object): string => `${JSON.stringify({ jsonrpc: '2.0', ...fields })}\n`;

describe('lines', () => {
  test('that are not messages are skipped', async () => {
    const acp = await startAcp({
      behaviour: { greeting: ['Welcome!\n', '{"level":"info","msg":"log"}\n', '\n'] },
    });
    const steps: readonly Step[] = [
      { say: 'a' },
      { raw: 'warning: deprecated\n' },
      { raw: '{"half": \n' },
      { raw: '[1,2]\n"text"\nnull\n{}\n' },
      { raw: message({ id: {}, method: 'x' }) },
      { raw: '\u0000\u0001\n' },
      { say: 'b' },
    ];
    expect(await acp.play(steps)).toMatchObject({ response: 'ab' });
  });

  test('that come in two halves are one message', async () => {
    const acp = await startAcp();
    const line = message({
      method: 'session/update',
      params: { sessionId: '$SESSION', update: chunk('whole') },
    });
    const gate = join(acp.folder, 'gate');
    const { result } = await acp.start([
      { raw: line.slice(0, 60) },
      { touch: join(acp.folder, 'half') },
      { waitFor: gate },
      { raw: line.slice(60) },
    ]);
    await waitFor('the first half', () => readFileSync(join(acp.folder, 'half'), 'utf8'));
    // It is read by then.
    await nextTurn();
    writeFileSync(gate, '');
    expect(await result).toMatchObject({ response: 'whole' });
  });

  test('of more than 32 MiB end the agent, not the server', async () => {
    const acp = await startAcp();
    await expect(
      acp.play([
        { say: 'kept' },
        { raw: 'x'.repeat(1000) },
        { rawMany: 34_000_000 },
        { hang: true },
      ] as Step[]),
    ).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringContaining('wrote a line of more than 32 MiB'),
    });
    expect(await acp.play([{ say: 'again' }])).toMatchObject({ response: 'again' });
  });

  test('without any message, more than 1 MiB, end the agent', async () => {
    const acp = await startAcp();
    await expect(acp.play([{ raw: 'noise\n'.repeat(200_000) }, { hang: true }])).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringMatching(/not JSON-RPC.*noise/s),
    });
  });
});

describe('messages', () => {
  test('with wrong ids, and answers that come twice, change nothing', async () => {
    const acp = await startAcp();
    const [gate, done] = [join(acp.folder, 'gate'), join(acp.folder, 'done')];
    const { sessionId } = await acp.play([
      { raw: message({ id: 999, result: { stopReason: 'end_turn' } }) },
      { raw: message({ id: 'x', error: { code: 1, message: 'no' } }) },
      { raw: message({ id: 1, result: {} }) },
      { raw: message({ id: null, error: { code: -32700, message: 'Parse error' } }) },
      { say: 'fine' },
      {
        later: [
          { waitFor: gate },
          { raw: message({ id: 4, result: { stopReason: 'refusal' } }) },
          { touch: done },
        ],
      },
    ]);
    writeFileSync(gate, '');
    await waitFor('the second answer', () => readFileSync(done, 'utf8'));
    expect(await acp.play([{ say: 'next' }], {}, sessionId)).toMatchObject({ response: 'next' });
  });

  test('with unknown methods are answered: requests with an error, notifications not at all', async () => {
    const acp = await startAcp();
    const { response } = await acp.play([
      { raw: message({ method: 'craft/unknown', params: {} }) },
      { request: 'fs/write_text_file', params: { sessionId: 's', path: '/tmp/x', content: 'x' } },
      { say: ' ' },
      { request: 'craft/drainMidTurnQueue' },
      { say: ' ' },
      { request: 'terminal/create', params: { sessionId: 's', command: 'ls' } },
    ]);
    expect(response).toBe('error -32601 error -32601 error -32601');
  });

  test('before the session exists, after the turn, and for other sessions do not fall into an answer', async () => {
    const acp = await startAcp({ behaviour: { updatesBeforeCreation: true } });
    const other = await acp.play([{ say: 'I am the other one.' }]);
    const [gate, done] = [join(acp.folder, 'gate'), join(acp.folder, 'done')];
    const { response, sessionId } = await acp.play([
      { update: chunk('FOR NOBODY'), session: 'no-such-session' },
      { say: 'mine' },
      { later: [{ waitFor: gate }, { say: 'TOO LATE' }, { touch: done }] },
    ]);
    expect(response).toBe('mine');
    writeFileSync(gate, '');
    await waitFor('the late text', () => readFileSync(done, 'utf8'));
    expect(await acp.play([{ say: 'next' }], {}, sessionId)).toMatchObject({ response: 'next' });
    expect(await acp.play([{ say: 'still here' }], {}, other.sessionId)).toMatchObject({
      response: 'still here',
    });
  });

  test('whose fields are missing or wrong are taken as far as they can be read', async () => {
    const acp = await startAcp();
    const updates: readonly unknown[] = [
      {},
      { sessionUpdate: 7 },
      { sessionUpdate: 'agent_message_chunk' },
      { sessionUpdate: 'agent_message_chunk', content: { type: 'text' } },
      { sessionUpdate: 'agent_message_chunk', content: { type: 'hologram' } },
      { sessionUpdate: 'tool_call' },
      { sessionUpdate: 'tool_call_update', toolCallId: 5 },
      { sessionUpdate: 'tool_call', toolCallId: 'x', content: 'no array', locations: {}, rawInput: [] },
      { sessionUpdate: 'plan', entries: 'none' },
      { sessionUpdate: 'usage_update', used: 'many', cost: { amount: -1, currency: 'USD' } },
      { sessionUpdate: 'usage_update', cost: { amount: 1, currency: 'EUR' } },
      { sessionUpdate: 'current_mode_update' },
      { sessionUpdate: 'config_option_update', configOptions: 3 },
      { sessionUpdate: 'invented_next_year', content: 'x' },
    ];
    const lines = updates.map((update) =>
      message({ method: 'session/update', params: { sessionId: '$SESSION', update } }),
    );
    const more = [message({ method: 'session/update' }), message({ method: 'session/update', params: [] })];
    const { response, cost } = await acp.play([{ raw: [...lines, ...more].join('') }, { say: 'fine' }]);
    expect([response, cost]).toEqual(['fine', null]);
  });

  test('that ask for a permission in an unknown session are cancelled', async () => {
    const acp = await startAcp();
    const { response } = await acp.play([
      { ask: { toolCallId: 'x' }, session: 'no-such-session' },
      { sayOutcome: true },
    ]);
    expect(JSON.parse(response)).toEqual({ outcome: { outcome: 'cancelled' } });
  });
});

describe('the agent', () => {
  test.for([2, 0, 'one', null])('that speaks version %j of the protocol is refused', async (version) => {
    const acp = await startAcp({ behaviour: { version } as Behaviour });
    await expect(acp.play([{ say: 'x' }])).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringContaining('of the Agent Client Protocol; this server speaks version 1'),
    });
  });

  test('that nobody is signed in to says how to sign in', async () => {
    const acp = await startAcp({
      behaviour: { needsSignIn: true },
      config: { signIn: 'Run `scripted login`.' },
    });
    await expect(acp.play([{ say: 'x' }])).rejects.toMatchObject({
      code: 'agent_auth_required',
      message: expect.stringContaining('Run `scripted login`.'),
    });
  });

  test('that waits for a sign-in with the key of its environment is signed in', async () => {
    const behaviour = { needsSignIn: 'api-key' } as const;
    const withKey = await startAcp({
      behaviour,
      config: { preset: 'codex', env: { OPENAI_API_KEY: 'a-key' } },
    });
    expect(await withKey.play([{ say: 'hello' }])).toMatchObject({ response: 'hello' });
    expect(withKey.received('authenticate')).toMatchObject([{ content: { methodId: 'api-key' } }]);

    const withoutKey = await startAcp({
      behaviour,
      config: { preset: 'codex', env: { OPENAI_API_KEY: '', CODEX_API_KEY: '' } },
    });
    await expect(withoutKey.play([{ say: 'hello' }])).rejects.toMatchObject({ code: 'agent_auth_required' });
    expect(withoutKey.received('authenticate')).toEqual([]);
  });

  test('that ends at its start is quoted', async () => {
    const acp = await startAcp({ behaviour: { stderr: 'no license found', exit: 3 } });
    await expect(acp.play([{ say: 'x' }])).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringMatching(/exited with code 3.*no license found/s),
    });
  });

  test('that does not start in time is ended', async () => {
    const timers = manualTimers();
    const behaviour = { neverInitializes: true };
    const acp = await startAcp({ timers, behaviour, config: { startTimeoutMs: 1500 } });
    const answer = acp.play([{ say: 'x' }]);
    await waitFor('the request', () => acp.received('initialize')[0]);
    timers.advance(1500);
    await expect(answer).rejects.toMatchObject({
      code: 'agent_timeout',
      message: expect.stringContaining('did not answer initialize within 1.5 s'),
    });
  });

  test('that dies in the middle of a turn fails the run, which can be resumed with a new process', async () => {
    const acp = await startAcp({ behaviour: { resumes: true } });
    const { run, result } = await acp.start([
      { say: 'I begin' },
      { sayPid: true },
      { stderr: 'segfault' },
      { die: 9 },
    ]);
    await expect(result).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringMatching(/exited with code 9.*segfault/s),
    });
    const { items } = await acp.agent.sessions.messages(run.sessionId, { limit: 10 });
    expect(items.at(-1)).toMatchObject({ content: expect.stringMatching(/^I beginpid/), incomplete: true });
    const resumed = await acp.agent.runs.resume(run.id);
    await expect(resumed.result).rejects.toMatchObject({ code: 'agent_unavailable' });
    const prompts = acp.received('prompt');
    expect(prompts[1]?.pid).not.toBe(prompts[0]?.pid);
    expect(prompts[1]?.content.text).toMatch(/^Your work on the following prompt was interrupted/);
  });

  test('that closes its stdout and lives on is ended', async () => {
    const acp = await startAcp();
    await expect(acp.play([{ say: 'a' }, { closeStdout: true }])).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringContaining('closed its stdout'),
    });
  });

  test('that sends nothing fails the run after its time, and not while a person decides', async () => {
    const timers = manualTimers();
    const acp = await startAcp({ timers, config: { silenceMs: 60_000 } });
    const gate = join(acp.folder, 'gate');
    const { run, result } = await acp.start([
      { ask: { toolCallId: 'a', kind: 'execute', rawInput: { command: 'ls' } } },
      { update: { sessionUpdate: 'tool_call_update', toolCallId: 'a', status: 'completed' } },
      { touch: gate },
      { hang: true },
    ]);
    result.catch(() => undefined);
    const permission = await waitFor('a permission', () => acp.agent.permissions.list({})[0]);
    timers.advance(600_000);
    await acp.agent.permissions.decide(permission.id, 'allow');
    await waitFor('the silence', () => readFileSync(gate, 'utf8'));
    await waitFor('the end of the call', async () =>
      (await acp.events()).some(({ type }) => type === 'tool.complete'),
    );
    timers.advance(59_999);
    // It is not over yet.
    expect(timers.waiting).toEqual([1]);
    expect((await acp.agent.runs.get(run.id))?.status).toBe('running');
    timers.advance(1);
    await expect(result).rejects.toMatchObject({
      code: 'agent_timeout',
      message: expect.stringContaining('sent nothing for 60 s'),
    });
    expect(acp.received('cancel')).toHaveLength(1);
  });

  test('that ignores a cancellation is ended after a while, and what it still says is not shown', async () => {
    const timers = manualTimers();
    const acp = await startAcp({ timers, behaviour: { ignoresCancel: true } });
    const gate = join(acp.folder, 'gate');
    const child = join(acp.folder, 'child');
    const after = join(acp.folder, 'after');
    const deltas = collectDeltas(acp.log);
    const { run, result } = await acp.start([
      { child },
      { say: 'before' },
      { waitFor: gate },
      { say: 'AFTER' },
      // The answer comes when the text has been read.
      { ask: {} },
      { touch: after },
      { hang: true },
    ]);
    result.catch(() => undefined);
    await waitFor('the first text', () => deltas.seen.some(({ type }) => type === 'message.delta'));
    const cancelling = acp.agent.runs.cancel(run.id);
    await waitFor('the cancellation', () => acp.received('cancel').length === 1);
    writeFileSync(gate, '');
    await waitFor('the second text', () => readFileSync(after, 'utf8'));
    timers.advance(5000);
    expect(await cancelling).toMatchObject({ status: 'cancelled' });
    await deltas.stop();
    const { items } = await acp.agent.sessions.messages(run.sessionId, { limit: 10 });
    expect(items.at(-1)).toMatchObject({ content: 'before', incomplete: true });
    const pids = [acp.received('prompt')[0]?.pid as number, Number(readFileSync(child, 'utf8'))];
    await waitFor('the end of the processes', () => pids.every((pid) => !isProcessAlive(pid)));
  });

  test('that answers a cancelled turn serves the next one with the same process', async () => {
    const acp = await startAcp();
    const { run, result } = await acp.start([{ sayPid: true }, { hang: true }]);
    result.catch(() => undefined);
    await waitFor('the prompt', () => acp.received('prompt')[0]);
    expect(await acp.agent.runs.cancel(run.id)).toMatchObject({ status: 'cancelled' });
    const { response } = await acp.play([{ sayPid: true }], {}, run.sessionId);
    expect(response).toBe(`pid ${acp.received('prompt')[0]?.pid}`);
  });

  test('that works for too long fails the run, and its session continues', async () => {
    const acp = await startAcp();
    const { sessionId } = await acp.play([{ say: 'a' }]);
    await expect(acp.play([{ hang: true }], { timeoutMs: 200 }, sessionId)).rejects.toMatchObject({
      code: 'run_timeout',
    });
    expect(await acp.play([{ say: 'b' }], {}, sessionId)).toMatchObject({ response: 'b' });
  });

  test('that cancels its own turn fails the run', async () => {
    const acp = await startAcp();
    await expect(acp.play([{ say: 'a' }, { stop: 'cancelled' }])).rejects.toMatchObject({
      code: 'agent_unavailable',
      message: expect.stringContaining('cancelled its turn itself'),
    });
  });
});

describe('much text', () => {
  test('10 MB in one answer are kept whole', async () => {
    const acp = await startAcp();
    const { response } = await acp.play([{ sayMany: 1000, piece: 'x'.repeat(10_000) }]);
    expect(response.length).toBe(10_000_000);
  });

  test('10 MB in one message, too', async () => {
    const acp = await startAcp();
    const { response } = await acp.play([{ sayMany: 1, piece: 'é'.repeat(5_000_000) }]);
    expect(response.length).toBe(5_000_000);
  });

  test('without an end ends the turn', async () => {
    const acp = await startAcp();
    await expect(
      acp.play([{ sayMany: 30, piece: 'x'.repeat(1_000_000) }, { hang: true }]),
    ).rejects.toMatchObject({ code: 'agent_unavailable', message: expect.stringContaining('characters') });
  });

  test('as the output of a tool is cut', async () => {
    const acp = await startAcp();
    const content = [{ type: 'content', content: { type: 'text', text: 'o'.repeat(3_000_000) } }];
    const { sessionId } = await acp.play([
      { update: { sessionUpdate: 'tool_call', toolCallId: 'a', title: 'T', status: 'completed', content } },
      { say: 'ok' },
    ]);
    const { items } = await acp.agent.sessions.messages(sessionId, { limit: 10 });
    expect(items.find(({ role }) => role === 'tool')?.content.length).toBeLessThan(300_000);
  });
});
