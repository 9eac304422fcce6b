// SIGKILL while appending: every acknowledged event is kept. `npm run test:soak` sets SOAK_ROUNDS.

import { expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS } from '../wait-for.ts';
import { startHolder } from './holder.ts';
import { temporaryPath } from './temporary-store.ts';

const rounds = Number(process.env.SOAK_ROUNDS ?? 8);

test(`${rounds} kills lose no acknowledged event`, {
  timeout: TEST_LIMIT_MS + rounds * WAIT_LIMIT_MS,
}, async () => {
  const path = temporaryPath();
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const holder = await startHolder(path, 'append');
    expect(holder.answer).toBe('open');
    // At any moment, but after the first acknowledgement.
    await holder.said(1 + Math.floor(Math.random() * 500));
    await holder.kill();
    for (const line of holder.lines) {
      const [sequence, id] = line.split(' ');
      acknowledged.set(id as string, Number(sequence));
    }

    const store = await openSqliteStore({ path });
    try {
      await check(store, acknowledged);
    } finally {
      await store.close();
    }
  }
  expect(acknowledged.size).toBeGreaterThan(rounds);
});

async function check(store: Store, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const rows = await store.readEvents({ limit: 10_000_000 });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const lost = [...acknowledged].filter(([id, sequence]) => byId.get(id)?.sequence !== sequence);
  expect(lost).toEqual([]);
  let mangled = 0;
  let halves = 0;
  for (const row of rows) {
    const data = JSON.parse(row.data) as { id: string; group: string[] };
    if (data.id !== row.id) mangled++;
    // All events of one write are there, acknowledged or not, or none is.
    if (!data.group.every((id) => byId.has(id))) halves++;
  }
  expect({ mangled, halves }).toEqual({ mangled: 0, halves: 0 });
}
