// A node whose database goes away for a while, without losing its lease.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createSessions } from '../../src/agent/sessions.ts';
import { CodeBuddyError } from '../../src/base/errors.ts';
import { makeId } from '../../src/base/ids.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { Store } from '../../src/store/store.ts';
import { startAgent } from '../agent/start-agent.ts';
import { postgresUrl } from '../postgres/postgres-url.ts';
import { openNode } from '../store/postgres/shared-stores.ts';
import { waitFor } from '../wait-for.ts';

const nowhere = { details: {}, create: async () => undefined, undo: async () => undefined, events: [] };

type Write = Store['write'];

/** An agent whose writes go through `intercept`. */
async function startAgentOn(url: string, intercept: (write: Write) => Write = (write) => write) {
  const opened = await openNode(url);
  const { agent, store, workspace } = await startAgent({
    opened,
    heldStore: (real) => ({ ...real, feed: real.feed, write: intercept(real.write) }),
  });
  mkdirSync(join(workspace, 'folder'));
  return { agent, store, ownership: opened.ownership };
}

const away = (): CodeBuddyError => new CodeBuddyError('storage_unavailable', 'The database went away.');

test('a run whose start was committed although it failed is interrupted', async () => {
  const url = await postgresUrl();
  let losesAnswers = true;
  const { agent, store, ownership } = await startAgentOn(url, (write) => async (writes, options) => {
    const sequences = await write(writes, options);
    if (losesAnswers && writes.some(({ kind }) => kind === 'putRun')) {
      losesAnswers = false;
      throw away();
    }
    return sequences;
  });
  await expect(agent.runs.start({ prompt: 'list', options: {}, requestId: 'r' })).rejects.toMatchObject({
    code: 'storage_unavailable',
  });
  const [row] = await waitFor('the end of the run', async () => {
    const rows = await store.listRuns({ limit: 9, statuses: ['interrupted'] });
    return rows.length > 0 && rows;
  });
  const id = row?.id ?? '';
  expect(await ownership.runs.ownerOf(id)).toBeUndefined();
  const { result } = await agent.runs.resume(id);
  expect((await result).response).toContain('folder');
});

test('the end of a run is recorded once the database is back, and then other nodes can resume it', async () => {
  const url = await postgresUrl();
  let canEnd = false;
  const { agent, store, ownership } = await startAgentOn(url, (write) => async (writes, options) => {
    if (!canEnd && writes.some(({ kind }) => kind === 'releaseRun')) throw away();
    return write(writes, options);
  });
  const { run, result } = await agent.runs.start({ prompt: 'list', options: {}, requestId: 'r' });
  await expect(result).rejects.toMatchObject({ code: 'storage_unavailable' });
  const other = await startAgentOn(url);
  expect((await other.agent.runs.get(run.id))?.status).toBe('running');
  expect(await ownership.runs.ownerOf(run.id)).toBe(ownership.node.id);
  await expect(other.agent.runs.resume(run.id)).rejects.toMatchObject({ code: 'run_not_resumable' });
  canEnd = true;
  await waitFor('the end of the run', async () => (await store.getRun(run.id))?.status === 'failed');
  const resumed = await other.agent.runs.resume(run.id);
  expect((await resumed.result).finishReason).toBe('stop');
});

test('a session that was created or forked is answered without another read, which could fail', async () => {
  const { store } = await openNode(await postgresUrl());
  let canCount = true;
  const faulty: Store = {
    ...store,
    feed: store.feed,
    countMessages: async (ids) => {
      if (!canCount) throw away();
      return store.countMessages(ids);
    },
  };
  const log = createEventLog({ store: faulty });
  onTestFinished(() => log.close());
  const sessions = createSessions({
    store: faulty,
    log,
    agents: { forNewSession: () => 'builtin' },
    mcpServers: { set: async () => undefined, remove: async () => undefined, describe: () => [] },
    now: Date.now,
    workspace: '/',
    spaces: { plan: async () => nowhere },
    worktrees: undefined,
    isBusy: () => false,
    isShared: true,
  });
  canCount = false;
  const created = await sessions.create({ title: 'one' });
  await store.write([
    {
      kind: 'addMessage',
      message: {
        id: makeId('msg', Date.now()),
        sessionId: created.id,
        runId: null,
        role: 'user',
        createdAt: Date.now(),
        content: JSON.stringify({ text: 'hello' }),
      },
    },
  ]);
  const forked = await sessions.fork(created.id, {});
  expect([created.messageCount, forked.messageCount]).toEqual([0, 1]);
  canCount = true;
  expect(await sessions.get(created.id)).toEqual({ ...created, messageCount: 1 });
  expect(await sessions.get(forked.id)).toEqual(forked);
});
