// The permissions that wait for a person, in all sessions. The rail counts them, and the inbox shows them.

import { effect, signal } from '@preact/signals';
import type { Permission } from '../../src/client/web.ts';
import { connection, gaps, listen } from './live.ts';
import { client, signIn } from './sign-in.ts';

export const pendingPermissions = signal<readonly Permission[]>([]);

let loading: AbortController | undefined;

async function load(): Promise<void> {
  loading?.abort();
  const mine = new AbortController();
  loading = mine;
  try {
    const { permissions } = await client.permissions.list({}, { signal: mine.signal });
    if (!mine.signal.aborted) pendingPermissions.value = permissions;
  } catch {
    // The connection state shows that the server is away. It is loaded again when it is back.
  }
}

listen(({ type }) => {
  if (type.startsWith('permission.') || type.startsWith('run.')) void load();
});
effect(() => {
  void gaps.value;
  if (connection.value === 'live' && signIn.value.status === 'in') void load();
});
