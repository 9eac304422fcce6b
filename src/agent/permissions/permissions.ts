// May this tool run now? Rules and the mode decide at once; else a person is asked, by an event, and the run waits for the answer. What is
// not answered in ten minutes is denied.

import { CodeBuddyError } from '../../errors.ts';
import type { EventLog } from '../../events/event-log.ts';
import { makeId } from '../../events/ids.ts';
import type { CommandIsolation } from '../tools/tool-box.ts';
import type { PermissionMode } from '../types.ts';
import {
  allows,
  exactRule,
  forbids,
  formatRule,
  isExactly,
  type PermissionRule,
  type ToolUse,
} from './permission-rule.ts';

export type Decision = 'allow' | 'allow_always' | 'deny';

/** A tool that waits for a person. Times are RFC 3339. */
export interface Permission {
  readonly id: string;
  readonly runId: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What `allow_always` would allow in this session from now on. */
  readonly rule: string;
  readonly reason: string;
  /** How a command will run if it is allowed; null for tools that run none. */
  readonly sandbox: 'bubblewrap' | 'none' | null;
  readonly status: 'pending' | 'allowed' | 'denied';
  readonly createdAt: string;
  /** Without an answer it is denied then. */
  readonly expiresAt: string;
}

export interface PermissionRequest extends ToolUse {
  readonly runId: string;
  readonly sessionId: string;
  readonly hop: number;
  readonly mode: PermissionMode;
  readonly readOnly: boolean;
  /** How a tool that runs commands will run this one; undefined for other tools. */
  readonly isolation?: CommandIsolation | undefined;
  /** What this session allows already. */
  readonly remembered: () => readonly PermissionRule[];
  readonly remember: (rule: PermissionRule) => Promise<void>;
  readonly signal: AbortSignal;
  /** The run waits from here on, until the promise settles. */
  readonly onWait: (permission: Permission) => void;
}

export interface Permissions {
  /** Resolves when the tool may run. @throws CodeBuddyError `permission_denied`, with what the model may be told; AbortError */
  check(request: PermissionRequest): Promise<void>;
  list(filter: { readonly sessionId?: string; readonly runId?: string }): readonly Permission[];
  /** @throws CodeBuddyError `permission_not_found`, `permission_resolved` */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
}

export interface PermissionsOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly allow: readonly PermissionRule[];
  readonly deny: readonly PermissionRule[];
  readonly now: () => number;
  /** @default 10 minutes */
  readonly answerWithinMs?: number;
}

interface Pending {
  permission: Permission;
  readonly request: PermissionRequest;
  readonly settle: (verdict: { readonly allowed: boolean; readonly reason: string }) => void;
  /** Somebody's answer is being written down. */
  isDecided: boolean;
}

const editingTools: readonly string[] = ['write_file', 'edit_file'];
/** Of those that were decided, this many are remembered, to tell who comes late. */
const keepResolved = 1000;

export function createPermissions({
  log,
  allow,
  deny,
  now,
  answerWithinMs = 600_000,
}: PermissionsOptions): Permissions {
  const pending = new Map<string, Pending>();
  const resolved = new Map<string, Permission>();

  /** Undefined: a person must say. */
  function judge(
    request: PermissionRequest,
  ): { readonly allowed: boolean; readonly reason: string } | undefined {
    const forbidding = deny.find((rule) => forbids(rule, request));
    if (forbidding !== undefined)
      return { allowed: false, reason: `the rule deny ${formatRule(forbidding)} forbids it` };
    if (request.readOnly) return { allowed: true, reason: 'it only reads' };
    if (request.mode === 'read-only')
      return { allowed: false, reason: 'this run may only read (permission mode "read-only")' };
    if (request.mode === 'full') return { allowed: true, reason: 'permission mode "full"' };
    // Without the sandbox, only a rule for exactly this command is enough.
    const grants = request.isolation?.isMissing ? isExactly : allows;
    if (allow.some((rule) => grants(rule, request))) return { allowed: true, reason: 'a rule allows it' };
    if (request.remembered().some((rule) => isExactly(rule, request)))
      return { allowed: true, reason: 'it was allowed for this session' };
    if (request.mode === 'auto-edit' && editingTools.includes(request.tool))
      return { allowed: true, reason: 'permission mode "auto-edit"' };
    return undefined;
  }

  async function ask(request: PermissionRequest): Promise<{ allowed: boolean; reason: string }> {
    const { runId, sessionId, hop, tool, params, signal } = request;
    const createdAt = now();
    const permission: Permission = {
      id: makeId('prm', createdAt),
      runId,
      sessionId,
      tool,
      params,
      rule: formatRule(exactRule(request)),
      reason: reasonToAsk(request),
      sandbox: request.isolation?.sandbox ?? null,
      status: 'pending',
      createdAt: new Date(createdAt).toISOString(),
      expiresAt: new Date(createdAt + answerWithinMs).toISOString(),
    };
    const { promise, resolve, reject } = Promise.withResolvers<{ allowed: boolean; reason: string }>();
    pending.set(permission.id, { permission, request, settle: resolve, isDecided: false });
    const owner = { sessionId, runId, hop };
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    let timer: NodeJS.Timeout | undefined;
    try {
      // In the log before anybody is told: an answer must never come before its question.
      await log.append([
        {
          type: 'permission.request',
          data: {
            permissionId: permission.id,
            tool,
            params: { ...params },
            reason: permission.reason,
            ...(permission.sandbox === null ? {} : { sandbox: permission.sandbox }),
          },
          ...owner,
        },
      ]);
      signal.throwIfAborted();
      timer = setTimeout(() => {
        if (pending.get(permission.id)?.isDecided) return;
        finish(permission.id, false);
        const reason = 'nobody answered in time';
        tell(permission, 'deny', reason, owner).then(() => resolve({ allowed: false, reason }), reject);
      }, answerWithinMs);
      request.onWait(permission);
      return await promise;
    } catch (error) {
      if (signal.aborted && pending.has(permission.id)) {
        finish(permission.id, false);
        await tell(permission, 'deny', 'the run has ended', owner);
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
    resolved.set(id, permission);
    const [oldest] = resolved.keys();
    if (resolved.size > keepResolved && oldest !== undefined) resolved.delete(oldest);
    return permission;
  }

  async function tell(
    { id, tool }: Permission,
    decision: Decision,
    reason: string | undefined,
    owner: { readonly sessionId: string; readonly runId: string; readonly hop: number },
  ): Promise<void> {
    await log.append([
      {
        type: 'permission.resolved',
        data: { permissionId: id, tool, decision, ...(reason === undefined ? {} : { reason }) },
        ...owner,
      },
    ]);
  }

  return {
    async check(request) {
      const verdict = judge(request) ?? (await ask(request));
      if (verdict.allowed) return;
      throw new CodeBuddyError('permission_denied', `${request.tool} was not run: ${verdict.reason}.`);
    },
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
        const known = resolved.get(id) ?? one?.permission;
        if (known === undefined)
          throw new CodeBuddyError('permission_not_found', `No permission ${id} waits.`);
        throw new CodeBuddyError('permission_resolved', `Permission ${id} was decided already.`);
      }
      const { request, settle } = one;
      const owner = { sessionId: request.sessionId, runId: request.runId, hop: request.hop };
      one.isDecided = true;
      try {
        if (decision === 'allow_always') await request.remember(exactRule(request));
        await tell(one.permission, decision, reason, owner);
      } catch (error) {
        // It was not written down, so it was not decided.
        one.isDecided = false;
        throw error;
      }
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

function reasonToAsk({ tool, mode, isolation }: PermissionRequest): string {
  return isolation?.isMissing
    ? `there is no sandbox here, so ${tool} would run with all rights of the server's user`
    : `${tool} can change something, and permission mode "${mode}" asks for that`;
}
