// The inbox: permissions, questions and calls of callers' tools that wait, in all sessions. The rail counts them, and the inbox shows them.

import { effect, signal } from '@preact/signals';
import type { InboxItem, Permission } from '../../src/client/web.ts';
import { allOf } from './all-of.ts';
import { connection, gaps, listen } from './live.ts';
import { client, signIn } from './sign-in.ts';

/** Oldest first. */
export const pendingPermissions = signal<readonly Permission[]>([]);
/** Questions of the agent and calls of callers' tools, oldest first. */
export const askedItems = signal<readonly Exclude<InboxItem, { readonly kind: 'permission' }>[]>([]);
/** The decisions on permissions that no longer wait, by id: `allow`, `deny`, … */
export const endedPermissions = signal<ReadonlyMap<string, string>>(new Map());

const pageSize = 200;
const changedBy: ReadonlySet<string> = new Set([
  'permission.request',
  'permission.resolved',
  'question.asked',
  'question.answered',
  'question.expired',
  'tool.request',
  'run.complete',
  'run.failed',
  'run.cancelled',
]);
const maxEnded = 200;
let isLoading = false;
let isStale = false;

/** Events during a load cause one more load after it. */
async function load(): Promise<void> {
  if (isLoading) {
    isStale = true;
    return;
  }
  isLoading = true;
  isStale = false;
  try {
    const items = await allOf(client.inbox.list({ limit: pageSize }));
    pendingPermissions.value = items.flatMap((item) => (item.kind === 'permission' ? [item.permission] : []));
    askedItems.value = items.flatMap((item) => (item.kind === 'permission' ? [] : [item]));
  } catch {
    // The connection state shows that the server is away. The list is loaded again when it is back.
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
  const isToolEnd = (type === 'tool.complete' || type === 'tool.error') && askedItems.value.length > 0;
  if (changedBy.has(type) || isToolEnd) void load();
});
effect(() => {
  void gaps.value;
  if (connection.value === 'live' && signIn.value.status === 'in') void load();
});
