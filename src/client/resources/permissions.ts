// `client.permissions`.

import type { Answer, PermissionDecision, Query } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';

/** Permissions: tools that wait for approval. */
export class Permissions {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists pending permissions, oldest first. */
  list(
    query: Query<'listPermissions'> = {},
    options: CallOptions = {},
  ): Promise<Answer<'listPermissions', 200>> {
    return this.#calls.get('/api/permissions', options, query);
  }

  /**
   * Allows or denies a tool. Resolves to the pending permission if its run works on another node that does not answer
   * within 5 s.
   *
   * @throws ApiError `permission_not_found`, `permission_resolved`, `node_unavailable`
   * @example
   * await client.permissions.decide(permission.id, { decision: 'deny', reason: 'not on main' });
   */
  decide(
    id: string,
    decision: PermissionDecision,
    options: CallOptions = {},
  ): Promise<Answer<'decidePermission', 200>> {
    return this.#calls.send('POST', `/api/permissions/${encodeURIComponent(id)}`, decision, options);
  }
}
