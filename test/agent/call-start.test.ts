// When the start of a tool call is committed.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createCallStart } from '../../src/agent/tools/call-start.ts';
import { createToolBox } from '../../src/agent/tools/tool-box.ts';
import { openWorkspace } from '../../src/agent/tools/workspace.ts';
import type { EventLog, NewEvent } from '../../src/events/event-log.ts';
import { waitFor } from '../wait-for.ts';
import { temporaryFolder } from './start-agent.ts';

/** A log whose commits end when the test says so. */
function heldLog() {
  const appended: { readonly events: readonly NewEvent[]; readonly commit: () => void }[] = [];
  const log: Pick<EventLog, 'append' | 'publish'> = {
    append(events) {
      const { promise, resolve } = Promise.withResolvers<[]>();
      appended.push({ events, commit: () => resolve([]) });
      return promise;
    },
    publish: () => undefined,
  };
  return { log, appended };
}

const typesOf = (events: readonly NewEvent[]): readonly string[] => events.map(({ type }) => type);
const signal = new AbortController().signal;

test('a call that changes something runs after its start is committed', async () => {
  const root = temporaryFolder();
  const { log, appended } = heldLog();
  const tools = createToolBox({ workspace: await openWorkspace(root), log, environment: {} });
  const call = await tools.prepare('write_file', { path: 'new.txt', content: 'x' });
  const outcome = tools.run(call, { signal });
  await waitFor('the start', () => appended.length === 1);
  expect(typesOf(appended[0]?.events ?? [])).toEqual(['tool.start']);
  // A tool that did not wait would take a few turns of the thread pool.
  for (let turn = 0; turn < 50; turn++) expect(await readdir(root)).toEqual([]);
  appended[0]?.commit();
  await waitFor('the end', () => appended.length === 2);
  expect(existsSync(join(root, 'new.txt'))).toBe(true);
  appended[1]?.commit();
  expect(await outcome).toMatchObject({ ok: true });
});

test('a call that changes nothing runs before its start is committed, and a quick one takes one commit', async () => {
  // However slow the machine is, the call is quick.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { log, appended } = heldLog();
  const workspace = await openWorkspace(temporaryFolder());
  const tools = createToolBox({ workspace, log, environment: {} });
  const outcome = tools.run(await tools.prepare('list_directory', {}), { signal });
  await waitFor('a commit', () => appended.length === 1);
  expect(typesOf(appended[0]?.events ?? [])).toEqual(['tool.start', 'tool.complete']);
  appended[0]?.commit();
  expect(await outcome).toMatchObject({ ok: true });
  expect(appended).toHaveLength(1);
});

test('the start of a call that changes nothing is committed with a quick end, or after 10 ms', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const append = vi.fn(async () => undefined);
  const quick = createCallStart(append, true);
  await quick.mayRun();
  vi.advanceTimersByTime(9);
  expect(await quick.isCommitted()).toBe(false);
  vi.advanceTimersByTime(9);
  expect(append).not.toHaveBeenCalled();

  const slow = createCallStart(append, true);
  await slow.mayRun();
  vi.advanceTimersByTime(10);
  expect(append).toHaveBeenCalledTimes(1);
  expect(await slow.isCommitted()).toBe(true);

  const failing = createCallStart(() => Promise.reject(new Error('the disk is full')), true);
  await failing.mayRun();
  vi.advanceTimersByTime(10);
  await expect(failing.isCommitted()).rejects.toThrow('the disk is full');
});
