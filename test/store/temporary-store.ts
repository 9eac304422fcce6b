// A real store in a temporary folder that is deleted with the test, and records for it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeId } from '../../src/base/ids.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { EventRow, SessionRow, Store } from '../../src/store/store.ts';

type NewEventRow = Omit<EventRow, 'sequence'>;

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The path of a new database. */
export function temporaryPath(): string {
  return join(temporaryFolder(), 'codebuddy.db');
}

/** Open `path`, or a new database. It is closed when the test ends. */
export async function openStore(path = temporaryPath()): Promise<Store> {
  const store = await openSqliteStore({ path });
  onTestFinished(() => store.close());
  return store;
}

export function eventRow(more: Partial<NewEventRow> = {}): NewEventRow {
  return {
    id: makeId('evt'),
    type: 'error',
    timestamp: 1_700_000_000_000,
    sessionId: null,
    runId: null,
    data: '{}',
    ...more,
  };
}

/** An event to append; `data` is JSON text. */
export function newEvent(more: Partial<NewEventRow> = {}): {
  readonly kind: 'appendEvent';
  readonly event: NewEventRow;
} {
  return { kind: 'appendEvent', event: eventRow(more) };
}

export function sessionRow(id: string, title = `title of ${id}`): SessionRow {
  return { id, title, createdAt: 1, updatedAt: 1, details: '{}' };
}

export function newSession(
  id: string,
  title?: string,
): { readonly kind: 'putSession'; readonly session: SessionRow } {
  return { kind: 'putSession', session: sessionRow(id, title) };
}
