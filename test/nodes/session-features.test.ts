// One session, used through two nodes at the same time: chosen ids, files of prompts, questions, the archive, search,
// undo and compaction.

import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ApiError, CodeBuddyClient } from '../../src/client/index.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { createGate, eventTypes, hasStatus, startNodes } from './start-nodes.ts';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );

/** A folder that all nodes see at the same path. */
function sharedFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-shared-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('an id that the caller chooses is created once, by requests and by prompts to two nodes at once', async () => {
  const { first, second } = await startNodes(({ messages }) => says(`Answer to ${messages.at(-1)?.text}`));
  for (let round = 0; round < 5; round++) {
    const id = `ticket-${round}`;
    const created = await Promise.allSettled(
      [first, second, first, second].map(({ client }) => client.sessions.create({ id, title: id })),
    );
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of created)
      if (one.status === 'rejected')
        expect(one.reason).toMatchObject({ status: 409, code: 'session_exists' });
  }
  for (let round = 0; round < 5; round++) {
    const sessionId = `prompted-${round}`;
    const answers = await Promise.all(
      [first, second, first].map(({ client }, n) =>
        client.prompt({ prompt: `${n}`, sessionId, createSession: true }),
      ),
    );
    expect(answers.map(({ response }) => response)).toEqual(['Answer to 0', 'Answer to 1', 'Answer to 2']);
    expect(answers.map((answer) => answer.sessionId)).toEqual([sessionId, sessionId, sessionId]);
    const { messages } = await second.client.sessions.messages(sessionId);
    expect(messages.map(({ content }) => content).sort()).toEqual([
      ...['0', '1', '2'],
      ...['Answer to 0', 'Answer to 1', 'Answer to 2'],
    ]);
    const { events } = await first.client.events.list({ sessionId, types: ['session.start'] });
    expect(events).toHaveLength(1);
  }
  expect((await second.client.sessions.list({ limit: 50 })).sessions).toHaveLength(10);
});

test('files, questions, the archive and search work through the node that did not create them', async () => {
  const { first, second, model } = await startNodes(({ messages }) =>
    messages.at(-1)?.text.includes('ask')
      ? calls('ask_user', { question: 'Which port?', choices: ['80', '443'], allowsText: false })
      : says('Noted: xylophone.'),
  );
  const file = await first.client.uploads.create(Buffer.from('the text of the upload'), {
    name: 'notes.txt',
  });
  expect(await second.client.uploads.get(file.id)).toEqual(file);
  const answered = await second.client.prompt({
    prompt: 'read it',
    parts: [{ type: 'file', fileId: file.id }],
  });
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('the text of the upload');
  const { sessionId } = answered;
  // The file is still there for the next prompt on the node that got it.
  await first.client.prompt({ prompt: 'again', sessionId });
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('the text of the upload');

  await first.client.sessions.update(sessionId, { archived: true });
  expect(await second.client.sessions.get(sessionId)).toMatchObject({ archived: true });
  expect((await second.client.sessions.list()).sessions).toEqual([]);
  expect((await second.client.sessions.list({ archived: 'true' })).sessions.map(({ id }) => id)).toEqual([
    sessionId,
  ]);
  const found = await waitFor('the index', async () => {
    const page = await second.client.sessions.search({ q: 'xylophone', archived: 'true' });
    return !page.indexing && page;
  });
  expect(found.hits.map(({ session }) => session.id)).toEqual([sessionId, sessionId]);
  const run = await second.client.runs.start({ prompt: 'ask me', sessionId });
  expect(await first.client.sessions.get(sessionId)).toMatchObject({ archived: false });

  await hasStatus(first.client, run.id, 'waiting');
  const { items } = await first.client.inbox.list({ sessionId });
  const question = items[0]?.kind === 'question' ? items[0].question : undefined;
  expect(question).toMatchObject({ runId: run.id, question: 'Which port?' });
  const id = question?.id ?? '';
  expect(await codeOf(first.client.inbox.answer(id, { answer: '8080' }))).toBe('validation_failed');
  // Two people answer at the same time: one answer counts.
  const answers = await Promise.all([
    codeOf(first.client.inbox.answer(id, { answer: '80' })),
    codeOf(second.client.inbox.answer(id, { answer: '443' })),
  ]);
  expect(answers.sort()).toEqual(['no error', 'question_resolved']);
  await hasStatus(first.client, run.id, 'completed');
  const types = await eventTypes(first.client, run.id);
  expect(types.filter((type) => type === 'question.answered')).toHaveLength(1);
  for (const { client } of [first, second])
    expect(await codeOf(client.inbox.answer(id, { answer: '80' }))).toBe('question_resolved');
  await second.client.uploads.delete(file.id);
  expect(await codeOf(first.client.prompt({ prompt: 'x', parts: [{ type: 'file', fileId: file.id }] }))).toBe(
    'upload_not_found',
  );
});

test('each node counts the requests and prompts of a key by itself', async () => {
  const { first, second } = await startNodes(says('Done.'));
  const { key } = await first.client.keys.create({
    name: 'ci',
    scopes: ['read', 'prompt'],
    limits: { promptsPerMinute: 2 },
  });
  const clients = [first, second].map(({ url }) => new CodeBuddyClient({ url, apiKey: key, maxRetries: 0 }));
  for (const client of clients) {
    await waitFor('the node to know the key', () =>
      client.sessions.list().then(
        () => true,
        () => false,
      ),
    );
    const codes: string[] = [];
    for (let n = 0; n < 3; n++) codes.push(await codeOf(client.prompt('hi')));
    expect(codes).toEqual(['no error', 'no error', 'key_limit_reached']);
  }
  for (const client of clients) client.close();
});

test('undo and redo through the other node; of several at once, each undoes another prompt or is refused', async () => {
  const workspace = sharedFolder();
  const gate = createGate();
  const { first, second } = await startNodes(
    async ({ messages }) => {
      const [, name] = /^write (\w+)$/.exec(messages.at(-1)?.text ?? '') ?? [];
      if (name !== undefined) return calls('write_file', { path: `${name}.txt`, content: name });
      if (messages.at(-1)?.text === 'wait') await gate.opened;
      return says('Done.');
    },
    { permissionMode: 'full', workspaceRoots: [workspace] },
  );
  const at = (name: string): string => join(workspace, `${name}.txt`);
  const { sessionId } = await first.client.prompt({ prompt: 'write a', options: { workspace } });
  expect(readFileSync(at('a'), 'utf8')).toBe('a');

  const waiting = await first.client.runs.start({ prompt: 'wait', sessionId });
  await hasStatus(second.client, waiting.id, 'running');
  const busy = await second.client.sessions.undo(sessionId).catch((error: unknown) => error);
  expect(busy).toMatchObject({ status: 409, code: 'session_busy' });
  expect(String(busy)).toContain('has an unfinished run');
  expect(await codeOf(second.client.sessions.redo(sessionId))).toBe('nothing_to_redo');
  expect(await codeOf(second.client.sessions.compact(sessionId))).toBe('session_busy');
  expect(existsSync(at('a'))).toBe(true);
  gate.open();
  await hasStatus(second.client, waiting.id, 'completed');
  await second.client.sessions.undo(sessionId);

  const undone = await second.client.sessions.undo(sessionId);
  expect(undone.files).toMatchObject([{ path: 'a.txt', outcome: 'removed' }]);
  expect(existsSync(at('a'))).toBe(false);
  expect((await first.client.sessions.messages(sessionId)).messages).toEqual([]);
  const redone = await first.client.sessions.redo(sessionId);
  expect(redone.files).toMatchObject([{ path: 'a.txt', outcome: 'restored' }]);
  expect(readFileSync(at('a'), 'utf8')).toBe('a');

  const names = ['b', 'c', 'd', 'e', 'f', 'g'];
  for (const [index, name] of names.entries())
    await (index % 2 === 0 ? first : second).client.prompt({ prompt: `write ${name}`, sessionId });
  const count = async (): Promise<number> =>
    (await first.client.sessions.messages(sessionId)).messages.filter(({ role }) => role === 'user').length;
  const apps = [first, second, first, second];
  let left = await count();
  for (let round = 0; round < 3; round++) {
    const results = await Promise.allSettled(apps.map(({ client }) => client.sessions.undo(sessionId)));
    const done = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map(({ messageId }) => messageId)).size).toBe(done.length);
    for (const one of results)
      if (one.status === 'rejected') expect(['session_busy', 'nothing_to_undo']).toContain(one.reason.code);
    left -= done.length;
    expect(await count()).toBe(left);
  }
  let events = (await first.client.events.list({ sessionId, types: ['session.undo'], limit: 200 })).events;
  const undoIds = events.map(({ data }) => ('undoId' in data ? data.undoId : ''));
  expect(new Set(undoIds).size).toBe(undoIds.length);
  while (left < names.length + 1) {
    const results = await Promise.allSettled(apps.map(({ client }) => client.sessions.redo(sessionId)));
    const done = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map(({ undoId }) => undoId)).size).toBe(done.length);
    left += done.length;
    expect(await count()).toBe(left);
  }
  for (const name of ['a', ...names]) expect(readFileSync(at(name), 'utf8')).toBe(name);
  events = (await second.client.events.list({ sessionId, types: ['session.redo'], limit: 200 })).events;
  expect(new Set(events.map(({ data }) => ('undoId' in data ? data.undoId : ''))).size).toBe(
    undoIds.length - 1,
  );
});

test('a session is compacted through the other node; meanwhile no node undoes or compacts it', async () => {
  const gate = createGate();
  const { first, second, model } = await startNodes(async ({ system }) => {
    if (!system.startsWith('Summarize')) return says('Done.');
    await gate.opened;
    return says('THE SUMMARY');
  });
  const { sessionId } = await first.client.prompt(`Remember this. ${'It is long. '.repeat(500)}`);
  await first.client.prompt({ prompt: 'Second.', sessionId });
  const compacting = second.client.sessions.compact(sessionId);
  await waitFor('the request for a summary', () => model.requests.length === 3);
  for (const { client } of [first, second]) {
    expect(await codeOf(client.sessions.compact(sessionId))).toBe('session_busy');
    expect(await codeOf(client.sessions.undo(sessionId))).toBe('session_busy');
  }
  gate.open();
  expect(await compacting).toMatchObject({ compacted: true, summary: 'THE SUMMARY' });
  await first.client.prompt({ prompt: 'Third.', sessionId });
  const sent = JSON.stringify(model.requests.at(-1)?.messages);
  expect(sent).toContain('THE SUMMARY');
  expect(sent).not.toContain('Remember this');
  expect((await first.client.sessions.undo(sessionId)).messages).toBe(2);
});
