// `client.permissions`.

import type { Answer, Permission, PermissionDecision, Query } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** Permissions: tools that wait for approval. */
export class Permissions extends Resource {
  /** Lists pending permissions, oldest first. */
  list(
    query?: Query<'listPermissions'>,
    options?: CallOptions,
  ): PageList<Answer<'listPermissions', 200>, Permission> {
    return this.calls.list('/api/permissions', options, query, ({ permissions }) => permissions);
  }

  /**
   * Allows or denies a tool. Resolves to the pending permission if its run works on another node that does not answer
   * within 5 s.
   *
   * @throws CodeBuddyApiError `permission_not_found`, `permission_resolved`, `node_unavailable`
   * @example
   * await client.permissions.decide(permission.id, { decision: 'deny', reason: 'not on main' });
   */
  decide(
    id: string,
    decision: PermissionDecision,
    options?: CallOptions,
  ): Promise<Answer<'decidePermission', 200>> {
    return this.calls.send('POST', pathOf('permissions', id), decision, options);
  }
}
