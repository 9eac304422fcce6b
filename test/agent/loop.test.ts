// The loop of a model: steps, tools, budgets, long conversations, and resuming after a stop.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CodeBuddyError } from '../../src/base/errors.ts';
import { waitFor } from '../wait-for.ts';
import { startAgent, temporaryFolder } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

describe('a run', () => {
  it('uses tools until the model is done, and the session records everything', async () => {
    const { prompt, server, write, workspace, agent, events } = await startModelAgent([
      calls('read_file', { path: 'sum.js' }, 'Let me look.'),
      calls('edit_file', { path: 'sum.js', oldText: 'a - b', newText: 'a + b' }),
      calls('bash', { command: 'node -e "console.log(require(\'./sum.js\')(2, 3))"' }),
      says('Mended: it adds now.'),
    ]);
    write('sum.js', 'module.exports = (a, b) => a - b;\n');
    const result = await prompt('Mend sum.js');
    expect(result).toMatchObject({ response: 'Mended: it adds now.', finishReason: 'stop' });
    expect(readFileSync(join(workspace, 'sum.js'), 'utf8')).toContain('a + b');
    expect(server.requests[3]?.messages.at(-1)?.toolResults[0]?.text).toContain('"stdout":"5\\n"');
    const { items } = await agent.sessions.messages(result.sessionId, { limit: 50 });
    expect(items.map(({ role, tool }) => tool?.name ?? role)).toEqual([
      'user',
      'assistant',
      'read_file',
      'edit_file',
      'bash',
      'assistant',
    ]);
    expect((await events()).map(({ type }) => type)).toEqual([
      'session.start',
      'run.queued',
      'message.user',
      'message.assistant',
      'tool.start',
      'tool.complete',
      'tool.start',
      'file.modify',
      'tool.complete',
      'tool.start',
      'tool.complete',
      'message.assistant',
      'run.complete',
    ]);
  });

  it('continues with the earlier messages of the session', async () => {
    const { prompt, server, write } = await startModelAgent([
      calls('read_file', { path: 'a.txt' }),
      says('It says alpha.'),
      says('Alpha, as I said.'),
    ]);
    write('a.txt', 'alpha');
    const { sessionId } = await prompt('What is in a.txt?');
    await prompt('What was it?', {}, sessionId);
    const last = server.requests.at(-1);
    expect(last?.messages.map(({ role, text }) => [role, text])).toEqual([
      ['user', 'What is in a.txt?'],
      ['assistant', ''],
      ['tool', ''],
      ['assistant', 'It says alpha.'],
      ['user', 'What was it?'],
    ]);
    expect(last?.messages[2]?.toolResults[0]?.text).toContain('alpha');
  });

  it('sees the prompts queued before it, and none after', async () => {
    const { agent, server } = await startModelAgent({ kind: 'answer', text: 'yes', delayMs: 50 });
    const session = await agent.sessions.create({});
    const results: Promise<unknown>[] = [];
    for (const prompt of ['one', 'two', 'three']) {
      const { result } = await agent.runs.start({
        prompt,
        sessionId: session.id,
        options: {},
        requestId: 'r',
      });
      results.push(result);
    }
    await Promise.all(results);
    expect(server.requests.map(({ messages }) => messages.map(({ text }) => text).join(' '))).toEqual([
      'one',
      'one yes two',
      'one yes two yes three',
    ]);
  });

  it('runs all prompts that were sent to one session at once, one after the other', async () => {
    const { agent, server } = await startModelAgent({ kind: 'answer', text: 'yes', delayMs: 50 });
    const session = await agent.sessions.create({});
    const started = await Promise.all(
      ['one', 'two', 'three'].map((prompt) =>
        agent.runs.start({ prompt, sessionId: session.id, options: {}, requestId: 'r' }),
      ),
    );
    await Promise.all(started.map(({ result }) => result));
    // The store may choose the order. Each run sees those before it, with their answers, so they did not overlap.
    const prompts = started
      .toSorted((left, right) => left.afterSequence - right.afterSequence)
      .map(({ run }) => run.prompt);
    expect(prompts.toSorted()).toEqual(['one', 'three', 'two']);
    expect(server.requests.map(({ messages }) => messages.map(({ text }) => text).join(' '))).toEqual(
      prompts.map((_, index) => prompts.slice(0, index + 1).join(' yes ')),
    );
    for (const { run } of started) expect((await agent.runs.get(run.id))?.status).toBe('completed');
  });

  it('runs read-only tools concurrently, others one after the other', async () => {
    const { prompt, write, events } = await startModelAgent([
      {
        kind: 'answer',
        toolCalls: [
          { name: 'read_file', arguments: { path: 'a.txt' } },
          { name: 'list_directory', arguments: {} },
          { name: 'write_file', arguments: { path: 'b.txt', content: 'b' } },
          { name: 'read_file', arguments: { path: 'b.txt' } },
        ],
      },
      says('done'),
    ]);
    write('a.txt', 'a');
    await prompt('go');
    const order = (await events())
      .filter(({ type }) => type.startsWith('tool.'))
      .map(({ type, data }) => `${type} ${(data as { tool: string }).tool}`);
    expect(order.slice(0, 2).sort()).toEqual(['tool.start list_directory', 'tool.start read_file']);
    expect(order.slice(4)).toEqual([
      'tool.start write_file',
      'tool.complete write_file',
      'tool.start read_file',
      'tool.complete read_file',
    ]);
  });

  it('tells the model what went wrong with a tool', async () => {
    const { prompt, server } = await startModelAgent([
      calls('read_file', { path: 'none.txt' }),
      says('There is none.'),
    ]);
    expect((await prompt('read it')).response).toBe('There is none.');
    expect(server.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toMatch(/none\.txt/);
  });

  it.each([
    ['no JSON', '{"path": "a.t'],
    ['an array', '[1]'],
    ['parameters that do not fit', { file: 'a.txt' }],
  ])('returns a malformed call (%s) to the model, which can correct it', async (_what, args) => {
    const { prompt, server, write, events } = await startModelAgent([
      calls('read_file', args),
      calls('read_file', { path: 'a.txt' }),
      says('alpha'),
    ]);
    write('a.txt', 'alpha');
    expect((await prompt('read it')).response).toBe('alpha');
    expect(server.requests).toHaveLength(3);
    expect((await events()).some(({ type }) => type === 'tool.error')).toBe(true);
  });

  it('uses the instructions of the project and of the request', async () => {
    const { prompt, server, write } = await startModelAgent(says('ok'));
    write('AGENTS.md', 'Tabs, never spaces.');
    await prompt('hello', { system: 'Be brief.' });
    expect(server.requests[0]?.system).toMatch(/Tabs, never spaces\.[\s\S]*Be brief\./);
  });
});

describe('a limit', () => {
  /** Does not end before a test of limits per day. */
  const today = Date.now();

  it('of steps ends the run with its answer so far', async () => {
    const { prompt, server } = await startModelAgent(calls('list_directory', {}, 'looking'));
    expect(await prompt('loop', { maxSteps: 3 })).toMatchObject({
      finishReason: 'max_steps',
      response: 'looking',
    });
    expect(server.requests).toHaveLength(3);
  });

  it('of tokens or cost ends the run after the step that reached it', async () => {
    const reply = { ...calls('list_directory', {}), usage: { input: 400, output: 100 } };
    const { prompt, server } = await startModelAgent(reply);
    expect(await prompt('loop', { maxTokens: 900 })).toMatchObject({ finishReason: 'token_limit' });
    expect(server.requests).toHaveLength(2);
  });

  it('of cost per run, session and day ends runs and starts none; each threshold is reported once', async () => {
    const { startModelServer } = await import('./model-server.ts');
    const server = await startModelServer({
      ...calls('list_directory', {}),
      usage: { input: 100_000, output: 18_750 },
    });
    const { prompt, events, agent } = await startAgent({
      models: ['openai/gpt-4.1'],
      environment: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `${server.url}/v1` },
      costLimits: { run: 0.5, session: 0.9 },
      costThresholds: [0.3, 0.6],
      now: () => today,
    });
    // gpt-4.1: 100 000 in at $2 and 18 750 out at $8 a million: $0.35 a step.
    const first = await prompt('loop');
    expect(first).toMatchObject({ finishReason: 'cost_limit', cost: 0.7 });
    const { sessionId } = first;
    expect((await prompt('again', {}, sessionId)).cost).toBe(0.35);
    const refused = (await prompt('more', {}, sessionId).catch((error: unknown) => error)) as CodeBuddyError;
    expect([refused.code, refused.status]).toEqual(['cost_limit_reached', 402]);
    const told = (await events()).filter(({ type }) => type === 'cost.threshold').map(({ data }) => data);
    expect(told).toEqual([
      { scope: 'session', threshold: 0.3, cost: 0.35 },
      { scope: 'day', threshold: 0.3, cost: 0.35 },
      { scope: 'session', threshold: 0.6, cost: 0.7 },
      { scope: 'day', threshold: 0.6, cost: 0.7 },
    ]);
    expect(await agent.sessions.get(sessionId)).toMatchObject({
      cost: 1.05,
      usage: { inputTokens: 300_000 },
    });
    expect(await prompt('another', { maxCost: 0.1 })).toMatchObject({
      finishReason: 'cost_limit',
      cost: 0.35,
    });
  });

  it('of cost per day includes spending before a restart', async () => {
    const { startModelServer } = await import('./model-server.ts');
    const server = await startModelServer({ ...says('hi'), usage: { input: 100_000, output: 18_750 } });
    const folder = temporaryFolder();
    const options = {
      folder,
      models: ['openai/gpt-4.1'],
      environment: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `${server.url}/v1` },
      costLimits: { day: 0.3 },
      now: () => today,
    };
    const before = await startAgent(options);
    await before.prompt('hello');
    await before.agent.close(0);
    await before.log.close();
    await before.store.close();
    const after = await startAgent(options);
    await expect(after.prompt('hello')).rejects.toMatchObject({ code: 'cost_limit_reached' });
  });
});

describe('a conversation that grows too long', () => {
  it('is summarized; the log keeps everything; the next run continues from the summary', async () => {
    const { prompt, server, write, agent } = await startModelAgent(
      (request) => {
        if (request.system.startsWith('Summarize the conversation'))
          return says('SUMMARY: three files were read.');
        const results = request.messages.flatMap(({ toolResults }) => toolResults).length;
        const all = request.messages.map(({ text }) => text).join(' ');
        return results >= 3 || all.includes('SUMMARY')
          ? says('finished')
          : calls('read_file', { path: 'big.txt' });
      },
      { contextWindow: 12_000 },
    );
    write('big.txt', 'word '.repeat(3000));
    const result = await prompt('Read the big file, again and again.');
    expect(result.response).toBe('finished');
    const summing = server.requests.filter(({ system }) => system.startsWith('Summarize the conversation'));
    expect(summing.length).toBeGreaterThanOrEqual(1);
    expect(summing[0]?.messages[0]?.text).toContain('Read the big file');
    const { items } = await agent.sessions.messages(result.sessionId, { limit: 100 });
    expect(items[0]?.content).toBe('Read the big file, again and again.');
    expect(items.filter(({ role }) => role === 'tool').length).toBeGreaterThanOrEqual(2);
    await prompt('And now?', {}, result.sessionId);
    expect(server.requests.at(-1)?.messages[0]?.text).toContain('SUMMARY: three files were read.');
  });

  it('is summarized when the provider reports it, too', async () => {
    let refused = false;
    const { prompt, server, write } = await startModelAgent((request) => {
      if (request.system.startsWith('Summarize the conversation')) return says('SUMMARY');
      if (request.messages.length < 3) return calls('read_file', { path: 'a.txt' });
      if (!refused) {
        refused = true;
        return { kind: 'error', status: 400, message: 'maximum context length is 100 tokens' };
      }
      return says('went on');
    });
    write('a.txt', 'alpha '.repeat(2000));
    const first = await prompt('go');
    expect(first.response).toBe('went on');
    expect(server.requests.some(({ system }) => system.startsWith('Summarize the conversation'))).toBe(true);
  });
});

describe('cancel', () => {
  it('aborts the call of the model', async () => {
    const { agent, server } = await startModelAgent({ kind: 'silence' });
    const { run, result } = await agent.runs.start({ prompt: 'hello', options: {}, requestId: 'r' });
    result.catch(() => undefined);
    await waitFor('the model is asked', () => server.requests.length === 1);
    expect((await agent.runs.cancel(run.id)).status).toBe('cancelled');
    await waitFor('the request to the model ends', () => server.requests[0]?.isClosed() === true);
  });

  it('kills the process group of a tool, even if it ignores SIGTERM', async () => {
    const { agent, workspace } = await startModelAgent(
      calls('bash', {
        command:
          'trap "" TERM; (trap "" TERM; echo $BASHPID > child.pid; while true; do sleep 0.05; done) & echo $$ > shell.pid; wait',
      }),
    );
    const { run, result } = await agent.runs.start({ prompt: 'go', options: {}, requestId: 'r' });
    result.catch(() => undefined);
    const pidIn = (name: string): Promise<number> =>
      waitFor(name, () => {
        const text = readFileSync(join(workspace, name), 'utf8');
        return text.endsWith('\n') && Number(text);
      });
    const pids = [await pidIn('child.pid'), await pidIn('shell.pid')];
    await agent.runs.cancel(run.id);
    for (const pid of pids) await waitFor(`${pid} is gone`, () => !isAlive(pid));
  });
});

describe('a run that was cut off', () => {
  it('is interrupted, and continues where it was when it is resumed', async () => {
    const folder = temporaryFolder();
    const first = await startModelAgent(
      [calls('write_file', { path: 'one.txt', content: '1' }), { kind: 'silence' }],
      { folder },
    );
    const { run, result } = await first.agent.runs.start({
      prompt: 'Write both.',
      options: {},
      requestId: 'r',
    });
    result.catch(() => undefined);
    await waitFor('the second step is asked for', () => first.server.requests.length === 2);
    await first.agent.close(0);
    await first.log.close();
    await first.store.close();

    const second = await startModelAgent(says('Both are there.'), { folder });
    expect((await second.agent.runs.get(run.id))?.status).toBe('interrupted');
    const resumed = await second.agent.runs.resume(run.id);
    expect(await resumed.result).toMatchObject({ runId: run.id, response: 'Both are there.' });
    const [request] = second.server.requests;
    expect(request?.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
      'user',
    ]);
    expect(request?.messages.at(-1)?.text).toContain('The server stopped');
    expect((await second.agent.runs.get(run.id))?.status).toBe('completed');
    await expect(second.agent.runs.resume(run.id)).rejects.toMatchObject({ code: 'run_not_resumable' });
  });

  it('of the offline agent runs only the remaining commands when it is resumed', async () => {
    const folder = temporaryFolder();
    const first = await startAgent({ models: ['offline'], folder });
    first.write('log.txt', '');
    const prompt = 'run echo first >> log.txt\nrun test -f go || sleep 300; echo second >> log.txt';
    const { run, result } = await first.agent.runs.start({ prompt, options: {}, requestId: 'r' });
    result.catch(() => undefined);
    await waitFor('the second command runs', async () => {
      const events = await first.events();
      return events.filter(({ type }) => type === 'tool.start').length === 2;
    });
    await first.agent.close(0);
    await first.log.close();
    await first.store.close();

    const { agent, workspace, write } = await startAgent({ models: ['offline'], folder });
    write('go', '');
    const { response } = await (await agent.runs.resume(run.id)).result;
    expect(response).toContain('exit code 0');
    expect(readFileSync(join(workspace, 'log.txt'), 'utf8')).toBe('first\nsecond\n');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie answers, too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
