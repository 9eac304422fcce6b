// The pending permissions of all nodes. Each is stored in the commit of its question, and removed in the commit of its
// answer or with the end of the run. The owner of the run decides.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Page } from '../../contract/page.ts';
import type { Decision, Permission, PermissionQuery, PermissionStats } from '../../contract/permission.ts';
import type { EventLog } from '../../events/event-log.ts';
import { isCutByText, maxPageText } from '../../store/page-weight.ts';
import type { QuestionStore } from '../../store/store.ts';
import { toPage } from '../list-page.ts';
import type { Permissions } from '../permissions/permissions.ts';
import { toPermission } from '../run-record.ts';
import { type AgentNode, askOwner, commandKinds, nodeUnavailable } from './agent-node.ts';

export interface AllPermissions {
  /** Oldest first. */
  list(query: PermissionQuery): Promise<Page<Permission>>;
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
  readonly questions: QuestionStore;
  readonly log: Pick<EventLog, 'read'>;
  /** Those of this node. */
  readonly own: Permissions;
}

/** As many ended permissions as one node knows (permissions.ts). */
const pagesOfResolved = 5;

export function createAllPermissions({ node, questions, log, own }: AllPermissionsOptions): AllPermissions {
  const stopHandling = node.commands.handle(commandKinds.decide, async (data) => {
    const { id, decision, reason } = data as { id: string; decision: Decision; reason?: string };
    return own.decide(id, decision, reason);
  });

  async function list({ limit, after, ...filter }: PermissionQuery): Promise<Page<Permission>> {
    const rows = await questions.listQuestions({
      limit: limit + 1,
      maxText: maxPageText,
      ...filter,
      ...(after === undefined ? {} : { afterId: after }),
    });
    return toPage(rows.slice(0, limit).map(toPermission), rows.length > limit || isCutByText(rows));
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
      const row = await questions.getQuestion(id);
      if (row === undefined) {
        if (await isResolved(id))
          throw new CodeBuddyError('permission_resolved', `Permission ${id} was already decided.`);
        throw new CodeBuddyError('permission_not_found', `Permission ${id} not found.`);
      }
      const permission = toPermission(row);
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

/** Those of a process that works alone. */
export function createOwnPermissions(own: Permissions): AllPermissions {
  return {
    async list({ limit, after = '', ...filter }) {
      const rest = own.list(filter).filter(({ id }) => id > after);
      return toPage(rest.slice(0, limit), rest.length > limit);
    },
    decide: own.decide,
    stats: own.stats,
  };
}
