// A step is committed while the model is already asked for the next one. The text and the tools of that answer must
// wait for the commit.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { CodeBuddyError } from '../../src/base/errors.ts';
import type { EventLog } from '../../src/events/event-log.ts';
import { waitFor } from '../wait-for.ts';
import { type HeldWrites, holdWritesFrom } from './held-writes.ts';
import { startModelServer } from './model-server.ts';
import { temporaryFolder } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

/** What a reader sees, in order: the types of events, and the text of deltas. */
function watch(log: EventLog): readonly string[] {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const seen: string[] = [];
  const items = log.subscribe({ deltas: true, signal: stop.signal });
  void (async () => {
    for await (const item of items) {
      if (item.kind === 'delta') seen.push(`says ${(item.delta.data as { text: string }).text}`);
      else if (item.kind === 'event') seen.push(item.event.type);
    }
  })();
  return seen;
}

/** Holds the writes of a test. A failing test must not hold them when its agent is closed. */
function holdFrom(eventType: string): HeldWrites {
  const held = holdWritesFrom(eventType);
  onTestFinished(held.release);
  return held;
}

/** Starts a run of two steps whose first one is not committed yet, and waits until the model has answered again. */
async function startHeld(first = calls('list_directory', {})) {
  const held = holdFrom('tool.complete');
  const running = await startModelAgent(
    [
      first,
      { ...calls('write_file', { path: 'second.txt', content: '2' }, 'Now I write.'), reasoning: 'I plan.' },
      says('Both are done.'),
    ],
    { heldStore: held.wrap },
  );
  const { agent, server, workspace, log } = running;
  const seen = watch(log);
  const { run, result } = await agent.runs.start({ prompt: 'Work.', options: {}, requestId: 'r' });
  const outcome = result.catch((error: unknown) => error);
  await waitFor('the commit of the step', () => held.isHeld());
  await waitFor('the request of the next step', () => server.requests.length === 2);
  // The answer arrives within a few turns of the thread pool, and would be shown then.
  for (let turn = 0; turn < 100; turn++) await readdir(workspace);
  expect(seen).not.toContain('says I plan.');
  expect(seen).not.toContain('says Now I write.');
  expect(existsSync(join(workspace, 'second.txt'))).toBe(false);
  return { ...running, held, seen, run, outcome };
}

describe('while the commit of a step is slow', () => {
  it('the next answer is held back: its text follows the step, and its tool runs after both', async () => {
    const { held, seen, outcome, workspace } = await startHeld();
    held.release();
    expect(await outcome).toMatchObject({ response: 'Both are done.' });
    expect(existsSync(join(workspace, 'second.txt'))).toBe(true);
    await waitFor(
      'the end',
      () => seen.includes('run.complete'),
      () => seen,
    );
    expect(seen).toEqual([
      'session.start',
      'run.queued',
      'message.user',
      'tool.start',
      'tool.complete',
      'says I plan.',
      'says Now I write.',
      'message.assistant',
      'tool.start',
      'file.create',
      'tool.complete',
      'says Both are done.',
      'message.assistant',
      'run.complete',
    ]);
  });

  it('a cancel shows nothing of the next answer, and ends the run after the step', async () => {
    const { agent, held, seen, run, outcome, workspace } = await startHeld();
    const cancelled = agent.runs.cancel(run.id);
    held.release();
    expect((await cancelled).status).toBe('cancelled');
    expect(await outcome).toMatchObject({ code: 'run_cancelled' });
    await waitFor(
      'the end',
      () => seen.includes('run.cancelled'),
      () => seen,
    );
    expect(seen.slice(3)).toEqual(['tool.start', 'tool.complete', 'run.cancelled']);
    expect(existsSync(join(workspace, 'second.txt'))).toBe(false);
  });
});

test('if the commit of a step fails, the next answer is neither shown nor acted on, and the run fails', async () => {
  const { agent, held, seen, run, outcome, server, workspace } = await startHeld();
  held.fail(new CodeBuddyError('storage_full', 'The disk is full.'));
  expect(await outcome).toMatchObject({ code: 'storage_full' });
  await waitFor(
    'the end',
    () => seen.includes('run.failed'),
    () => seen,
  );
  // The start of a slow call has a commit of its own.
  expect(seen.slice(3).filter((type) => type !== 'tool.start')).toEqual(['run.failed']);
  expect(existsSync(join(workspace, 'second.txt'))).toBe(false);
  expect(server.requests).toHaveLength(2);
  expect(await agent.runs.get(run.id)).toMatchObject({ status: 'failed', error: { code: 'storage_full' } });
});

test('if the commit of a step fails while the model is silent, its call is aborted', async () => {
  const held = holdFrom('tool.complete');
  const { agent, server } = await startModelAgent([calls('list_directory', {}), { kind: 'silence' }], {
    heldStore: held.wrap,
  });
  const { result } = await agent.runs.start({ prompt: 'Work.', options: {}, requestId: 'r' });
  const outcome = result.catch((error: unknown) => error);
  await waitFor('the request of the next step', () => held.isHeld() && server.requests.length === 2);
  held.fail(new CodeBuddyError('storage_full', 'The disk is full.'));
  expect(await outcome).toMatchObject({ code: 'storage_full' });
  await waitFor('the call ends', () => server.requests[1]?.isClosed() === true);
});

test('a tool that changes something waits for the text before it and for the call before it', async () => {
  for (const type of ['message.assistant', 'tool.complete']) {
    const held = holdFrom(type);
    const { agent, workspace } = await startModelAgent(
      [
        {
          kind: 'answer',
          text: 'I write two.',
          toolCalls: [
            { name: 'list_directory', arguments: {} },
            { name: 'write_file', arguments: { path: 'one.txt', content: '1' } },
          ],
        },
        says('Done.'),
      ],
      { heldStore: held.wrap },
    );
    const { result } = await agent.runs.start({ prompt: 'Work.', options: {}, requestId: 'r' });
    await waitFor('the commit', () => held.isHeld());
    for (let turn = 0; turn < 100; turn++) expect(await readdir(workspace)).toEqual([]);
    held.release();
    expect(await result).toMatchObject({ response: 'Done.' });
    expect(await readdir(workspace)).toEqual(['one.txt']);
  }
});

describe('after kill -9 before the commit of a step', () => {
  /** Runs until the model was asked for the second step, and kills the process. Returns the run's id. */
  async function killInStep(folder: string, first: ReturnType<typeof calls>): Promise<string> {
    const model = await startModelServer([first, says('Shown too early.')]);
    const entry = fileURLToPath(new URL('held-process.ts', import.meta.url));
    const child = spawn(process.execPath, [entry, folder, `${model.url}/v1`, 'tool.complete'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await waitFor('the next step', () => model.requests.length === 2 && output.endsWith('\n'));
    child.kill('SIGKILL');
    await exited;
    return output.trim();
  }

  it('a call that changed nothing has no result', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'workspace'));
    const id = await killInStep(folder, calls('list_directory', {}));
    const { agent, events, server } = await startModelAgent(says('Done.'), { folder });
    const types = (await events()).map(({ type }) => type);
    const { result } = await agent.runs.resume(id);
    expect(await result).toMatchObject({ response: 'Done.' });
    const [request] = server.requests;
    // The start of a slow call has a commit of its own.
    if (types.includes('tool.start')) {
      expect(types.slice(3)).toEqual(['tool.start', 'run.failed']);
      expect(request?.messages[2]?.toolResults[0]?.text).toContain('It may or may not have been done.');
    } else {
      expect(types.slice(3)).toEqual(['run.failed']);
      expect(request?.messages.map(({ role }) => role)).toEqual(['user']);
    }
  });

  it('a call that changed something is on record, and the model is told that it may have been done', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'workspace'));
    writeFileSync(join(folder, 'workspace', 'a.txt'), 'one');
    const id = await killInStep(
      folder,
      calls('edit_file', { path: 'a.txt', oldText: 'one', newText: 'two' }),
    );
    const { agent, events, server } = await startModelAgent(says('Done.'), { folder });
    expect((await events()).map(({ type }) => type)).toEqual([
      'session.start',
      'run.queued',
      'message.user',
      'tool.start',
      'run.failed',
    ]);
    const { result } = await agent.runs.resume(id);
    expect(await result).toMatchObject({ response: 'Done.' });
    const [request] = server.requests;
    expect(request?.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
      'user',
    ]);
    expect(request?.messages[2]?.toolResults[0]?.text).toContain('It may or may not have been done.');
    expect(request?.messages.at(-1)?.text).toContain('may or may not have been done');
  });
});
