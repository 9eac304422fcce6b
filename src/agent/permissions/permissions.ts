// Asks a person whether a tool may run, if rules and the mode do not decide (judge-use.ts). The question is an event;
// the run waits for the answer. A question without an answer is denied after ten minutes.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import { wellFormedDeep } from '../../base/text.ts';
import type {
  Decision,
  Permission,
  PermissionFilter,
  PermissionStats,
  Settlement,
} from '../../contract/permission.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { Write } from '../../store/store.ts';
import {
  asShown,
  createJudge,
  type Judge,
  type JudgedUse,
  type JudgeOptions,
  type UnaskedUse,
} from './judge-use.ts';
import { describeExact, exactRule, formatRule, type PermissionRule } from './permission-rule.ts';

export interface PermissionRequest extends JudgedUse {
  readonly runId: string;
  readonly sessionId: string;
  readonly hop: number;
  /** Adds a rule to those of the session. */
  readonly remember: (rule: PermissionRule) => Promise<void>;
  readonly signal: AbortSignal;
  /** Called when the run begins to wait. Returns the changes that are committed with the question. */
  readonly beginWait: (permission: Permission) => readonly Write[];
  /** Called when the run works again. Returns the changes that are committed with the answer. */
  readonly endWait: (permission: Permission) => readonly Write[];
  /** Called when the question is in the log. */
  readonly onAsked: (permission: Permission) => void;
}

export interface Permissions extends Pick<Judge, 'ignoresTarget' | 'judge'> {
  /**
   * @throws CodeBuddyError `permission_denied`, naming the rule, if a deny rule or the mode `read-only` forbids the use
   */
  assertNotDenied(use: UnaskedUse): void;
  /**
   * Resolves when the tool may run.
   * @throws CodeBuddyError `permission_denied` with a reason for the model; AbortError
   */
  check(request: PermissionRequest): Promise<void>;
  list(filter: PermissionFilter): readonly Permission[];
  /** Whether `decide` can say what became of it. */
  knows(id: string): boolean;
  /** @throws CodeBuddyError `permission_not_found`, `permission_resolved` */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  stats(): PermissionStats;
}

export interface PermissionsOptions extends JudgeOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly now: () => number;
  /** In ms. @default 600 000 */
  readonly answerWithinMs?: number;
}

interface Pending {
  permission: Permission;
  readonly request: PermissionRequest;
  readonly settle: (verdict: { readonly allowed: boolean; readonly reason: string }) => void;
  /** An answer is being written to the log. */
  isDecided: boolean;
}

/**
 * The ids of this many ended permissions are kept, to answer `permission_resolved` instead of `permission_not_found`.
 */
const keepResolved = 1000;

export function createPermissions({
  log,
  now,
  answerWithinMs = 600_000,
  ...judging
}: PermissionsOptions): Permissions {
  const { ignoresTarget, judge, reasonAgainst } = createJudge(judging);
  const pending = new Map<string, Pending>();
  const resolved = new Set<string>();
  let requested = 0;
  const settled: Record<Settlement, number> = {
    allow: 0,
    allow_always: 0,
    deny: 0,
    expired: 0,
    run_ended: 0,
  };

  async function ask(request: PermissionRequest): Promise<{ allowed: boolean; reason: string }> {
    const { runId, sessionId, hop, tool, params, signal } = request;
    const createdAt = now();
    const { target } = request;
    const alwaysCovers = describeExact(asShown(request));
    const permission: Permission = {
      id: makeId('prm', createdAt),
      runId,
      sessionId,
      tool,
      params,
      rule: formatRule(exactRule(asShown(request))),
      alwaysCovers,
      ...(target.kind === 'file' && target.realPath !== undefined ? { realPath: target.realPath } : {}),
      reason: reasonToAsk(request),
      sandbox: request.isolation?.sandbox ?? null,
      status: 'pending',
      createdAt: new Date(createdAt).toISOString(),
      expiresAt: new Date(createdAt + answerWithinMs).toISOString(),
    };
    const { promise, resolve, reject } = Promise.withResolvers<{ allowed: boolean; reason: string }>();
    // The run may be cancelled while the question is being written, before anything waits for the promise.
    promise.catch(() => undefined);
    pending.set(permission.id, { permission, request, settle: resolve, isDecided: false });
    const owner = { sessionId, runId, hop };
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    let timer: NodeJS.Timeout | undefined;
    try {
      // Logged before the question can be answered: in the log, no answer may come before its question.
      await log.append(
        [
          {
            type: 'permission.request',
            data: {
              permissionId: permission.id,
              tool,
              params: wellFormedDeep({ ...params }),
              rule: permission.rule,
              reason: permission.reason,
              alwaysCovers,
              expiresAt: permission.expiresAt,
              ...(permission.realPath === undefined ? {} : { realPath: permission.realPath }),
              ...(permission.sandbox === null ? {} : { sandbox: permission.sandbox }),
            },
            ...owner,
          },
        ],
        request.beginWait(permission),
      );
      requested++;
      signal.throwIfAborted();
      timer = setTimeout(() => {
        if (pending.get(permission.id)?.isDecided) return;
        finish(permission.id, false);
        settled.expired++;
        const reason = 'nobody answered in time';
        tell(request, permission, 'deny', reason).then(() => resolve({ allowed: false, reason }), reject);
      }, answerWithinMs);
      request.onAsked(permission);
      return await promise;
    } catch (error) {
      if (signal.aborted && pending.has(permission.id)) {
        finish(permission.id, false);
        settled.run_ended++;
        await tell(request, permission, 'deny', 'the run has ended');
      }
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      pending.delete(permission.id);
    }
  }

  function finish(id: string, allowed: boolean): Permission | undefined {
    const one = pending.get(id);
    if (one === undefined) return undefined;
    pending.delete(id);
    const permission: Permission = { ...one.permission, status: allowed ? 'allowed' : 'denied' };
    // Only the id is kept, since parameters may be long.
    resolved.add(id);
    const [oldest] = resolved;
    if (resolved.size > keepResolved && oldest !== undefined) resolved.delete(oldest);
    return permission;
  }

  async function tell(
    request: PermissionRequest,
    permission: Permission,
    decision: Decision,
    reason: string | undefined,
  ): Promise<void> {
    const { sessionId, runId, hop } = request;
    const { id, tool } = permission;
    try {
      await log.append(
        [
          {
            type: 'permission.resolved',
            data: { permissionId: id, tool, decision, ...(reason === undefined ? {} : { reason }) },
            sessionId,
            runId,
            hop,
          },
        ],
        request.endWait(permission),
      );
    } catch (error) {
      // The store still has the run as waiting.
      request.beginWait(permission);
      throw error;
    }
  }

  return {
    ignoresTarget,
    judge,
    assertNotDenied(use) {
      const against = reasonAgainst(use);
      if (against !== undefined) throw denied(use.tool, against);
    },
    async check(request) {
      const verdict = judge(request) ?? (await ask(request));
      if (!verdict.allowed) throw denied(request.tool, verdict.reason);
    },
    stats: () => ({ pending: pending.size, requested, resolved: { ...settled } }),
    knows: (id) => pending.has(id) || resolved.has(id),
    list: ({ sessionId, runId }) =>
      [...pending.values()]
        .map(({ permission }) => permission)
        .filter(
          (one) =>
            (sessionId === undefined || one.sessionId === sessionId) &&
            (runId === undefined || one.runId === runId),
        ),
    async decide(id, decision, reason) {
      const one = pending.get(id);
      if (one === undefined || one.isDecided) {
        if (one === undefined && !resolved.has(id))
          throw new CodeBuddyError('permission_not_found', `Permission ${id} not found.`);
        throw new CodeBuddyError('permission_resolved', `Permission ${id} was already decided.`);
      }
      const { request, settle } = one;
      one.isDecided = true;
      try {
        if (decision === 'allow_always') await request.remember(exactRule(asShown(request)));
        await tell(request, one.permission, decision, reason);
      } catch (error) {
        // The decision is not in the log, so it does not count.
        one.isDecided = false;
        throw error;
      }
      settled[decision]++;
      const permission = finish(id, decision !== 'deny') ?? one.permission;
      const said =
        reason === undefined || reason.trim() === '' ? 'it was denied' : `it was denied: ${reason}`;
      settle(
        decision === 'deny' ? { allowed: false, reason: said } : { allowed: true, reason: 'it was allowed' },
      );
      return permission;
    },
  };
}

function denied(tool: string, reason: string): CodeBuddyError {
  return new CodeBuddyError('permission_denied', `${tool} was not run: ${reason}.`);
}

function reasonToAsk({ tool, mode, isolation, guarded, isOutside }: PermissionRequest): string {
  if (guarded !== undefined)
    return `${tool} would change ${guarded.path}, which is run later by ${guarded.runBy}`;
  if (isOutside) return `${tool} is about a file outside the workspace`;
  return isolation?.isMissing
    ? `there is no sandbox here, so ${tool} would run with all rights of the server's user`
    : `${tool} can change something, and permission mode "${mode}" asks about such tools`;
}
