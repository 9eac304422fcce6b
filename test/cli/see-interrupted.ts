// What a client sees of a run whose server was killed, once the next server answers.

import { expect } from 'vitest';
import type { CodeBuddyClient } from '../../src/client/index.ts';
import { usesPostgres } from '../postgres/test-store.ts';
import { waitFor } from '../wait-for.ts';

/** On SQLite the run is interrupted before the server answers; on PostgreSQL, once the old node was declared dead. */
export async function seeInterrupted(client: CodeBuddyClient, id: string): Promise<void> {
  const status = async (): Promise<string> => (await client.runs.get(id)).status;
  if (usesPostgres)
    await waitFor(`run ${id} to be interrupted`, async () => (await status()) === 'interrupted', status);
  expect(await status()).toBe('interrupted');
}
