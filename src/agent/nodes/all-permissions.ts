// The pending permissions of all nodes. Each is stored with its run, in the commit of its question, and removed in the
// commit of its answer or with the end of the run. The owner of the run decides.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Decision, Permission, PermissionFilter, PermissionStats } from '../../contract/permission.ts';
import type { EventLog } from '../../events/event-log.ts';
import { maxPageText } from '../../store/page-weight.ts';
import type { RunRow, Store } from '../../store/store.ts';
import type { Permissions } from '../permissions/permissions.ts';
import { openQuestions } from '../run-record.ts';
import { type AgentNode, askOwner, commandKinds, nodeUnavailable } from './agent-node.ts';

export interface AllPermissions {
  /** Oldest first. */
  list(filter: PermissionFilter): readonly Permission[] | Promise<readonly Permission[]>;
  /**
   * Resolves to a pending permission if the node of the run has not answered yet.
   * @throws CodeBuddyError `permission_not_found`, `permission_resolved`, `node_unavailable`
   */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  stats(): PermissionStats;
  close?(): void;
}

export interface AllPermissionsOptions {
  readonly node: AgentNode;
  readonly store: Pick<Store, 'getRun' | 'listRuns'>;
  readonly log: Pick<EventLog, 'read'>;
  /** Those of this node. */
  readonly own: Permissions;
}

/** As many ended permissions as one node knows (permissions.ts). */
const pagesOfResolved = 5;

export function createAllPermissions({ node, store, log, own }: AllPermissionsOptions): AllPermissions {
  const stopHandling = node.commands.handle(commandKinds.decide, async (data) => {
    const { id, decision, reason } = data as { id: string; decision: Decision; reason?: string };
    return own.decide(id, decision, reason);
  });

  async function waitingRuns({ sessionId, runId }: PermissionFilter): Promise<readonly RunRow[]> {
    if (runId !== undefined) {
      const row = await store.getRun(runId);
      return row === undefined ? [] : [row];
    }
    const found: RunRow[] = [];
    for (let beforeId: string | undefined; ; ) {
      const rows = await store.listRuns({
        limit: 200,
        maxText: maxPageText,
        statuses: ['waiting'],
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(beforeId === undefined ? {} : { beforeId }),
      });
      found.push(...rows);
      beforeId = rows.at(-1)?.id;
      if (beforeId === undefined) return found;
    }
  }

  async function list(filter: PermissionFilter): Promise<readonly Permission[]> {
    return (await waitingRuns(filter))
      .flatMap(openQuestions)
      .filter(({ sessionId }) => filter.sessionId === undefined || filter.sessionId === sessionId)
      .sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  /** Whether it is one of the last that were answered on any node. */
  async function isResolved(id: string): Promise<boolean> {
    let before: number | undefined;
    for (let page = 0; page < pagesOfResolved; page++) {
      const events = await log.read({
        types: ['permission.resolved'],
        order: 'desc',
        limit: 200,
        ...(before === undefined ? {} : { before }),
      });
      if (events.some(({ data }) => 'permissionId' in data && data.permissionId === id)) return true;
      before = events.at(-1)?.sequence;
      if (before === undefined) return false;
    }
    return false;
  }

  return {
    list,
    stats: () => own.stats(),
    close: stopHandling,
    async decide(id, decision, reason) {
      if (own.knows(id)) return own.decide(id, decision, reason);
      const permission = (await list({})).find((one) => one.id === id);
      if (permission === undefined) {
        if (await isResolved(id))
          throw new CodeBuddyError('permission_resolved', `Permission ${id} was already decided.`);
        throw new CodeBuddyError('permission_not_found', `Permission ${id} not found.`);
      }
      const { runId } = permission;
      const data = { id, decision, ...(reason === undefined ? {} : { reason }) };
      const outcome = await askOwner(node, runId, { kind: commandKinds.decide, data });
      if (outcome.status === 'done') return outcome.answer as Permission;
      if (outcome.status === 'failed') throw outcome.error;
      if (outcome.status === 'pending') return permission;
      throw nodeUnavailable(runId);
    },
  };
}
