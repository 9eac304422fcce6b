// The index of messages: what a search finds is the same on both stores, and grows and shrinks with the messages.

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { parseSearch } from '../../src/store/search/search-query.ts';
import { migrate, migrations } from '../../src/store/sqlite/migrations.ts';
import type { SearchQuery, Store, Write } from '../../src/store/store.ts';
import { stores } from './stores.ts';
import { newSession, openStore, sessionRow, temporaryPath } from './temporary-store.ts';

function message(
  id: string,
  content: string,
  more: { sessionId?: string; role?: 'user' | 'tool' } = {},
): Write {
  const { sessionId = 'a', role = 'user' } = more;
  return {
    kind: 'addMessage',
    message: { id, sessionId, runId: null, role, createdAt: 1, content: JSON.stringify({ content }) },
  };
}

async function search(store: Store, text: string, more: Partial<SearchQuery> = {}) {
  for (;;) {
    const page = await store.search.find({ items: parseSearch(text), limit: 50, ...more });
    // A busy machine takes longer than a search waits.
    if (!page.isIndexing) return { ids: page.found.map((one) => one.message.id), next: page.next };
  }
}

const texts = {
  m1: 'The deploy failed: ECONNREFUSED at src/app/open-store.ts:42',
  m2: 'Deployment of the café page. Ärger mit İstanbul, STRASSE und Straße.',
  m3: '我们在北京部署了服务器。東京タワー 배포 완료 ติดตั้ง',
  m4: '\u0000 nul \u0010 and "quotes" AND OR NOT NEAR( a* b:c ^d {e} \\ \' --',
  m5: 'see deploy_key and deploy-key and v2.0.1 Ａｂｃ １２３',
  m6: `${'x'.repeat(500)} end of a long word`,
};

/** What people type, and the messages that it finds, newest first. */
const searches: readonly (readonly [string, readonly string[]])[] = [
  ['deploy', ['m5', 'm2', 'm1']],
  ['deploy ', ['m5', 'm1']],
  ['DEPLOY fail', ['m1']],
  ['fail deploy ', []],
  ['"the deploy failed"', ['m1']],
  ['"deploy the failed"', []],
  ['"deploy', ['m5', 'm1']],
  ['src/app/open-store.ts', ['m1']],
  ['app/open', ['m1']],
  ['deploy_key', ['m5']],
  ['v2.0', ['m5']],
  ['abc 123', ['m5']],
  ['cafe', ['m2']],
  ['CAFÉ ', ['m2']],
  ['istanbul arger', ['m2']],
  ['北京', ['m3']],
  ['京北', []],
  ['東京タ', ['m3']],
  ['배포', ['m3']],
  ['ติดตั้ง', ['m3']],
  ['nul an', ['m4']],
  ['quotes AND OR NOT NEAR(', ['m4']],
  [`${'x'.repeat(300)} `, ['m6']],
  ["' OR 1=1 --", []],
];

describe.each(stores)('$name', ({ open }) => {
  test('a search finds words, phrases, the beginning of the last word, and text without spaces', async () => {
    const store = await open();
    await store.write([newSession('a'), ...Object.entries(texts).map(([id, text]) => message(id, text))]);
    for (const [text, ids] of searches) expect([text, (await search(store, text)).ids]).toEqual([text, ids]);
  });

  test('no text is an error of syntax', async () => {
    const store = await open();
    await store.write([newSession('a'), message('m1', 'a b')]);
    const hostile = [
      '"',
      '""',
      '*',
      'a*',
      '"a" b"',
      'a AND',
      'NOT a',
      'NEAR(a',
      '(',
      'a:b',
      "a'b",
      '\\',
      ':*',
      '&|!<->',
    ];
    const long = [
      'a '.repeat(5000),
      '漢'.repeat(10_000),
      '"'.repeat(999),
      Array.from({ length: 2000 }, (_, i) => `w${i}`).join(' '),
    ];
    for (const text of [...hostile, ...hostile.map((one) => `${one}\u0000`), ...long]) {
      const items = parseSearch(text);
      if (items.length > 0) await store.search.find({ items, limit: 5 });
    }
  });

  test('pages go from the newest to the oldest, within a session, a role, or what is not archived', async () => {
    const store = await open();
    const ids = Array.from({ length: 25 }, (_, index) => `m${String(index).padStart(2, '0')}`);
    await store.write([
      newSession('a'),
      newSession('b'),
      ...ids.map((id, index) =>
        message(id, 'same words', index % 5 === 0 ? { sessionId: 'b', role: 'tool' } : {}),
      ),
    ]);
    const seen: string[] = [];
    for (let before: string | undefined; ; ) {
      const page = await search(store, 'same', { limit: 10, ...(before === undefined ? {} : { before }) });
      seen.push(...page.ids);
      before = page.next;
      if (before === undefined) break;
    }
    expect(seen).toEqual([...ids].reverse());
    const ofB = ids.filter((_, index) => index % 5 === 0).reverse();
    expect(await search(store, 'same', { sessionId: 'b', limit: 5 })).toEqual({ ids: ofB, next: undefined });
    expect((await search(store, 'same', { role: 'tool' })).ids).toEqual(ofB);
    await store.write([{ kind: 'archiveSession', id: 'b', isArchived: true }]);
    expect((await search(store, 'same', { archived: true })).ids).toEqual(ofB);
    expect((await search(store, 'same', { archived: false })).ids).toHaveLength(20);
    const { found } = await store.search.find({ items: parseSearch('same'), limit: 1, sessionId: 'b' });
    expect(found).toMatchObject([{ sessionTitle: 'title of b', isArchived: true }]);
  });

  test('messages of a deleted session, or of a draft, are not found', async () => {
    const store = await open();
    await store.write([
      newSession('a'),
      newSession('b'),
      message('m1', 'word'),
      message('m2', 'word', { sessionId: 'b' }),
    ]);
    expect((await search(store, 'word')).ids).toEqual(['m2', 'm1']);
    await store.write([{ kind: 'deleteSession', id: 'b' }]);
    expect((await search(store, 'word')).ids).toEqual(['m1']);
    // The next message must not take over the place of the deleted one.
    await store.write([
      { kind: 'draftSession', session: sessionRow('d') },
      message('m3', 'word', { sessionId: 'd' }),
    ]);
    await store.write([message('m4', 'word')]);
    expect((await search(store, 'word')).ids).toEqual(['m4', 'm1']);
    await store.write([{ kind: 'publishSession', id: 'd' }]);
    expect((await search(store, 'word')).ids).toEqual(['m4', 'm3', 'm1']);
  });

  test('a session with a chosen id is created once, and listed by the time of its creation', async () => {
    const store = await open();
    const add = (id: string, place: string): Write => ({
      kind: 'addSession',
      session: { ...sessionRow(id), place },
    });
    await store.write([newSession('ses_1'), add('zebra', 'ses_2'), newSession('ses_3')]);
    const results = await Promise.allSettled(
      ['zebra', 'apple', 'apple', 'other'].map((id, index) => store.write([add(id, `ses_4${index}`)])),
    );
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(results[2]).toMatchObject({ reason: { code: 'session_exists' } });
    const listed = async (beforeId?: string) =>
      (
        await store.listSessions({ limit: 3, maxText: 1e6, ...(beforeId === undefined ? {} : { beforeId }) })
      ).map(({ id }) => id);
    expect(await listed()).toEqual(['other', 'apple', 'ses_3']);
    expect(await listed('ses_3')).toEqual(['zebra', 'ses_1']);
    expect(await store.newestIds()).toContain('ses_43');
  });
});

test('messages of an earlier release are added to the index', async () => {
  const path = temporaryPath();
  const database = new DatabaseSync(path);
  migrate(database, migrations.slice(0, 6));
  database.exec("BEGIN; INSERT INTO sessions VALUES ('a', 't', 1, 1, '{}', 0)");
  const insert = database.prepare("INSERT INTO messages VALUES (?, 'a', NULL, 'user', 1, ?)");
  for (let index = 0; index < 500; index++)
    insert.run(`m${1000 + index}`, JSON.stringify({ content: 'old word' }));
  insert.run('m2000', 'damaged');
  database.exec('COMMIT');
  database.close();
  const store = await openStore(path);
  await store.write([message('m0', 'new word')]);
  const { ids } = await search(store, 'word', { limit: 3 });
  expect(ids).toEqual(['m0', 'm1499', 'm1498']);
});
