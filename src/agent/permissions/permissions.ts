// Asks a person whether a tool may run, if rules and the mode do not decide (judge-use.ts). The question is an event;
// the run waits for the answer in the waiting room (inbox/waiting-room.ts).

import { CodeBuddyError } from '../../base/errors.ts';
import { makeId } from '../../base/ids.ts';
import type {
  Decision,
  Permission,
  PermissionFilter,
  PermissionStats,
  Settlement,
} from '../../contract/permission.ts';
import { type AnswerTime, unanswered } from '../inbox/answer-time.ts';
import type { OpenItem } from '../inbox/open-item.ts';
import type { WaitHooks, WaitingRoom } from '../inbox/waiting-room.ts';
import {
  asShown,
  createJudge,
  type Judge,
  type JudgedUse,
  type JudgeOptions,
  type UnaskedUse,
} from './judge-use.ts';
import { describeExact, exactRule, formatRule, type PermissionRule } from './permission-rule.ts';

export interface PermissionRequest extends JudgedUse, WaitHooks, AnswerTime {
  readonly runId: string;
  readonly sessionId: string;
  /** Its id in the log, if the call that waits is known there. */
  readonly callId?: string | undefined;
  /** See `OpenItem`. */
  readonly place?: string | undefined;
  readonly hop: number;
  /** The permission that the call waited for in an earlier process. */
  readonly reopened?: OpenItem | undefined;
  /** Adds a rule to those of the session. */
  readonly remember: (rule: PermissionRule) => Promise<void>;
}

export interface Permissions extends Pick<Judge, 'ignoresTarget' | 'judge'> {
  /**
   * @throws CodeBuddyError `permission_denied`, naming the rule, if a deny rule or the mode `read-only` forbids the use
   */
  assertNotDenied(use: UnaskedUse): void;
  /**
   * Resolves when the tool may run.
   * @throws CodeBuddyError `permission_denied` with a reason for the model; `unanswered` if the run must fail; AbortError
   */
  check(request: PermissionRequest): Promise<void>;
  list(filter: PermissionFilter): readonly Permission[];
  /** @throws CodeBuddyError `permission_not_found`, `permission_resolved` */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  stats(): PermissionStats;
}

export interface PermissionsOptions extends JudgeOptions {
  readonly room: WaitingRoom;
  readonly now: () => number;
}

export function createPermissions({ room, now, ...judging }: PermissionsOptions): Permissions {
  const { ignoresTarget, judge, reasonAgainst } = createJudge(judging);
  let requested = 0;
  const settled: Record<Settlement, number> = {
    allow: 0,
    allow_always: 0,
    deny: 0,
    expired: 0,
    run_ended: 0,
  };

  function permissionFor(request: PermissionRequest): Permission {
    const { runId, sessionId, callId, tool, params, target, answerWithinMs } = request;
    const createdAt = now();
    return {
      id: makeId('prm', createdAt),
      runId,
      sessionId,
      ...(callId === undefined ? {} : { callId }),
      tool,
      params,
      rule: formatRule(exactRule(asShown(request))),
      alwaysCovers: describeExact(asShown(request)),
      ...(target.kind === 'file' && target.realPath !== undefined ? { realPath: target.realPath } : {}),
      reason: reasonToAsk(request),
      sandbox: request.isolation?.sandbox ?? null,
      status: 'pending',
      createdAt: new Date(createdAt).toISOString(),
      expiresAt: answerWithinMs === null ? null : new Date(createdAt + answerWithinMs).toISOString(),
    };
  }

  async function ask(request: PermissionRequest): Promise<{ allowed: boolean; reason: string }> {
    const { reopened, place, hop, remember, onUnanswered, tool, ...wait } = request;
    const open: OpenItem = reopened ?? {
      item: { kind: 'permission', permission: permissionFor(request) },
      ...(place === undefined ? {} : { place }),
      hop,
    };
    requested++;
    try {
      const ending = await room.ask({
        signal: wait.signal,
        isLeft: wait.isLeft,
        beginWait: wait.beginWait,
        endWait: wait.endWait,
        onAsked: wait.onAsked,
        open,
        isReopened: reopened !== undefined,
        async beforeAnswer({ kind, value }) {
          if (kind === 'permission' && value.decision === 'allow_always')
            await remember(exactRule(asShown(request)));
        },
      });
      if (ending.kind === 'expired') {
        settled.expired++;
        if (onUnanswered === 'fail') throw unanswered(`The permission to use ${tool}`);
        return { allowed: false, reason: 'nobody answered in time' };
      }
      if (ending.answer.kind !== 'permission') return { allowed: false, reason: 'it was denied' };
      const { decision, reason } = ending.answer.value;
      settled[decision]++;
      if (decision !== 'deny') return { allowed: true, reason: 'it was allowed' };
      const said = reason === undefined || reason.trim() === '' ? '' : `: ${reason}`;
      return { allowed: false, reason: `it was denied${said}` };
    } catch (error) {
      if (wait.signal.aborted && !wait.isLeft()) settled.run_ended++;
      throw error;
    }
  }

  const ofThisProcess = (): readonly Permission[] =>
    room.pending().flatMap((item) => (item.kind === 'permission' ? [item.permission] : []));

  return {
    ignoresTarget,
    judge,
    assertNotDenied(use) {
      const against = reasonAgainst(use);
      if (against !== undefined) throw denied(use.tool, against);
    },
    async check(request) {
      // A question that was asked is answered by a person, even if a rule would allow the call by now. If a rule forbids
      // it by now, no answer can allow it.
      const isAsked = request.reopened !== undefined;
      const verdict = isAsked ? undefined : judge(request);
      const { allowed, reason } = verdict ?? (await ask(request));
      if (!allowed) throw denied(request.tool, reason);
      const against = isAsked ? reasonAgainst(request) : undefined;
      if (against !== undefined) throw denied(request.tool, against);
    },
    stats: () => ({ pending: ofThisProcess().length, requested, resolved: { ...settled } }),
    list: ({ sessionId, runId }) =>
      ofThisProcess().filter(
        (one) =>
          (sessionId === undefined || one.sessionId === sessionId) &&
          (runId === undefined || one.runId === runId),
      ),
    async decide(id, decision, reason) {
      const value = { decision, ...(reason === undefined ? {} : { reason }) };
      const item = await room.answer(id, { kind: 'permission', value });
      if (item.kind !== 'permission') throw new TypeError('The waiting room changed the kind of an item.');
      return item.permission;
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
