// The permissions that wait for a person, in all sessions. The rail counts them, and the inbox shows them.

import { effect, signal } from '@preact/signals';
import type { Permission } from '../../src/client/web.ts';
import { connection, gaps, listen } from './live.ts';
import { client, signIn } from './sign-in.ts';

/** Oldest first. */
export const pendingPermissions = signal<readonly Permission[]>([]);
/** How those that are gone have ended, by id: `allow`, `deny`, … */
export const endedPermissions = signal<ReadonlyMap<string, string>>(new Map());

const pageSize = 200;
const maxEnded = 200;
let isLoading = false;
let isStale = false;

/** Events that come in meanwhile cause one more load, after this one. */
async function load(): Promise<void> {
  if (isLoading) {
    isStale = true;
    return;
  }
  isLoading = true;
  isStale = false;
  try {
    const all: Permission[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { limit: pageSize, ...(cursor ? { cursor } : {}) };
      const page = await client.permissions.list(query);
      all.push(...page.permissions);
      cursor = page.nextCursor;
    } while (cursor !== null);
    pendingPermissions.value = all;
  } catch {
    // The connection state shows that the server is away. It is loaded again when it is back.
  } finally {
    isLoading = false;
    if (isStale) void load();
  }
}

/** Loads the list again. */
export const reloadPermissions = (): void => void load();

listen((event) => {
  const { type } = event;
  if (type === 'permission.resolved') {
    const { permissionId, decision } = event.data;
    endedPermissions.value = new Map(
      [...endedPermissions.value, [permissionId, decision] as const].slice(-maxEnded),
    );
    pendingPermissions.value = pendingPermissions.value.filter(({ id }) => id !== permissionId);
  }
  const mayChange = [
    'permission.request',
    'permission.resolved',
    'run.complete',
    'run.failed',
    'run.cancelled',
  ];
  if (mayChange.includes(type)) void load();
});
effect(() => {
  void gaps.value;
  if (connection.value === 'live' && signIn.value.status === 'in') void load();
});
