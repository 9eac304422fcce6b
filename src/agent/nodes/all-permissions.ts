// The pending permissions of all nodes: the inbox, as far as it is about permissions.

import type { Page } from '../../contract/page.ts';
import type { Decision, Permission, PermissionQuery, PermissionStats } from '../../contract/permission.ts';
import type { Permissions } from '../permissions/permissions.ts';
import type { Inbox } from './inbox.ts';

export interface AllPermissions {
  /** Oldest first. */
  list(query: PermissionQuery): Promise<Page<Permission>>;
  /**
   * Resolves to a pending permission if the node of the run has not answered yet.
   * @throws CodeBuddyError `permission_not_found`, `permission_resolved`, `node_unavailable`
   */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  stats(): PermissionStats;
}

export function createAllPermissions(inbox: Inbox, own: Pick<Permissions, 'stats'>): AllPermissions {
  return {
    async list(query) {
      const { items, ...rest } = await inbox.list({ ...query, kind: 'permission' });
      return {
        ...rest,
        items: items.flatMap((item) => (item.kind === 'permission' ? [item.permission] : [])),
      };
    },
    async decide(id, decision, reason) {
      const value = { decision, ...(reason === undefined ? {} : { reason }) };
      const item = await inbox.answer(id, { kind: 'permission', value });
      if (item.kind !== 'permission') throw new TypeError('The inbox changed the kind of an item.');
      return item.permission;
    },
    stats: own.stats,
  };
}
