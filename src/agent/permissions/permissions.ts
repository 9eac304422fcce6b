// May this tool run now? Rules and the mode decide at once; else a person is asked, by an event, and the run waits for the answer. What is
// not answered in ten minutes is denied.

import { CodeBuddyError } from '../../base/errors.ts';
import { wellFormedDeep } from '../../base/text.ts';
import type {
  Decision,
  Permission,
  PermissionFilter,
  PermissionStats,
  Settlement,
} from '../../contract/permission.ts';
import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { EventLog } from '../../events/event-log.ts';
import { makeId } from '../../events/ids.ts';
import type { CommandIsolation } from '../tools/tool-box.ts';
import type { FilesThatRunLater } from './files-that-run-later.ts';
import type { GuardedFile } from './guarded-files.ts';
import type { FileTarget } from './path-rule.ts';
import {
  allows,
  describeExact,
  exactRule,
  forbids,
  formatRule,
  isAllowed,
  isExactly,
  type PermissionRule,
  type ToolUse,
} from './permission-rule.ts';

export interface PermissionRequest extends ToolUse {
  readonly runId: string;
  readonly sessionId: string;
  readonly hop: number;
  readonly mode: PermissionMode;
  readonly readOnly: boolean;
  /** The file that the call would change, if other programs run it later. */
  readonly guarded?: GuardedFile | undefined;
  /** How a tool that runs commands will run this one; undefined for other tools. */
  readonly isolation?: CommandIsolation | undefined;
  /** What this session allows already. */
  readonly remembered: () => readonly PermissionRule[];
  readonly remember: (rule: PermissionRule) => Promise<void>;
  readonly signal: AbortSignal;
  /** The run waits from here on, until the promise settles. */
  readonly onWait: (permission: Permission) => void;
}

/** A use that nobody is asked about: a direct call, or a command of the offline agent. */
export interface UnaskedUse extends ToolUse {
  readonly mode: PermissionMode;
  readonly readOnly: boolean;
}

export interface Permissions {
  /** Throws if a deny rule or the mode `read-only` forbids the use. @throws CodeBuddyError `permission_denied`, naming the rule */
  assertNotDenied(use: UnaskedUse): void;
  /** Resolves when the tool may run. @throws CodeBuddyError `permission_denied`, with what the model may be told; AbortError */
  check(request: PermissionRequest): Promise<void>;
  list(filter: PermissionFilter): readonly Permission[];
  /** @throws CodeBuddyError `permission_not_found`, `permission_resolved` */
  decide(id: string, decision: Decision, reason?: string): Promise<Permission>;
  stats(): PermissionStats;
}

export interface PermissionsOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly allow: readonly PermissionRule[];
  readonly deny: readonly PermissionRule[];
  /** Tells which rules name the files that run later. */
  readonly runLater: Pick<FilesThatRunLater, 'isNamedBy'>;
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
  runLater,
  now,
  answerWithinMs = 600_000,
}: PermissionsOptions): Permissions {
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

  /** What holds whoever asks, and cannot be allowed: deny rules first, then the mode `read-only`. */
  function reasonAgainst(use: UnaskedUse): string | undefined {
    const forbidding = deny.find((rule) => forbids(rule, use));
    if (forbidding !== undefined) return `the rule deny ${formatRule(forbidding)} forbids it`;
    if (use.mode === 'read-only' && !use.readOnly)
      return 'the permission mode "read-only" allows only tools that read';
    return undefined;
  }

  /** Undefined: a person must say. */
  function judge(
    request: PermissionRequest,
  ): { readonly allowed: boolean; readonly reason: string } | undefined {
    const against = reasonAgainst(request);
    if (against !== undefined) return { allowed: false, reason: against };
    if (request.readOnly) return { allowed: true, reason: 'it only reads' };
    if (request.mode === 'full') return { allowed: true, reason: 'permission mode "full"' };
    if (request.guarded !== undefined) return judgeGuarded(request);
    // Without the sandbox, only a rule for exactly this command is enough.
    const isGranted = request.isolation?.isMissing
      ? allow.some((rule) => isExactly(rule, request))
      : isAllowed(allow, request);
    if (isGranted) return { allowed: true, reason: 'a rule allows it' };
    if (request.remembered().some((rule) => isExactly(rule, request)))
      return { allowed: true, reason: 'it was allowed for this session' };
    if (request.mode === 'auto-edit' && editingTools.includes(request.tool))
      return { allowed: true, reason: 'permission mode "auto-edit"' };
    return undefined;
  }

  /** Only a rule that names the file, or a person who was shown it, allows what runs later: `write_file(**)` was not said of hooks. */
  function judgeGuarded(
    request: PermissionRequest,
  ): { readonly allowed: boolean; readonly reason: string } | undefined {
    // The file that is really changed, not the link that leads to it.
    const use = asShown(request);
    const names = (rule: PermissionRule): boolean =>
      rule.pattern !== undefined && (isLiteral(rule.pattern) || runLater.isNamedBy(rule.pattern));
    if (allow.some((rule) => names(rule) && allows(rule, use)))
      return { allowed: true, reason: 'a rule names it and allows it' };
    if (request.remembered().some((rule) => isExactly(rule, use)))
      return { allowed: true, reason: 'it was allowed for this session' };
    return undefined;
  }

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
    // A cancel may come while the question is still being written, before anybody waits for the answer.
    promise.catch(() => undefined);
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
            params: wellFormedDeep({ ...params }),
            reason: permission.reason,
            alwaysCovers,
            ...(permission.realPath === undefined ? {} : { realPath: permission.realPath }),
            ...(permission.sandbox === null ? {} : { sandbox: permission.sandbox }),
          },
          ...owner,
        },
      ]);
      requested++;
      signal.throwIfAborted();
      timer = setTimeout(() => {
        if (pending.get(permission.id)?.isDecided) return;
        finish(permission.id, false);
        settled.expired++;
        const reason = 'nobody answered in time';
        tell(permission, 'deny', reason, owner).then(() => resolve({ allowed: false, reason }), reject);
      }, answerWithinMs);
      request.onWait(permission);
      return await promise;
    } catch (error) {
      if (signal.aborted && pending.has(permission.id)) {
        finish(permission.id, false);
        settled.run_ended++;
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
    // Only the id: what a tool was to do may be long.
    resolved.add(id);
    const [oldest] = resolved;
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
    assertNotDenied(use) {
      const against = reasonAgainst(use);
      if (against !== undefined) throw denied(use.tool, against);
    },
    async check(request) {
      const verdict = judge(request) ?? (await ask(request));
      if (!verdict.allowed) throw denied(request.tool, verdict.reason);
    },
    stats: () => ({ pending: pending.size, requested, resolved: { ...settled } }),
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
          throw new CodeBuddyError('permission_not_found', `No permission ${id} waits.`);
        throw new CodeBuddyError('permission_resolved', `Permission ${id} was decided already.`);
      }
      const { request, settle } = one;
      const owner = { sessionId: request.sessionId, runId: request.runId, hop: request.hop };
      one.isDecided = true;
      try {
        if (decision === 'allow_always') await request.remember(exactRule(asShown(request)));
        await tell(one.permission, decision, reason, owner);
      } catch (error) {
        // It was not written down, so it was not decided.
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

function isLiteral(pattern: string): boolean {
  return !/[*?[\]{}\\]/.test(pattern);
}

/** True if a rule lets the file tools write a file that runs later, by its name: commands may do so, too. */
export function allowsWriting(
  rule: PermissionRule,
  path: string,
  runLater: Pick<FilesThatRunLater, 'isNamedBy'>,
): boolean {
  if (rule.pattern === undefined || !runLater.isNamedBy(rule.pattern)) return false;
  // A folder is allowed by a rule for what is in it.
  return editingTools.some((tool) => [path, `${path}/x`].some((one) => allows(rule, fileUse(tool, one))));
}

/** A use of a file tool on a real path. */
function fileUse(tool: string, path: string): ToolUse & { readonly target: FileTarget } {
  const target = { kind: 'file' as const, path, realPath: path, isShared: false, otherNames: [] };
  return { tool, params: { path }, target };
}

/** A file that runs later is shown, and remembered, by its real path. */
function asShown(request: PermissionRequest): ToolUse {
  if (request.guarded === undefined) return request;
  const { tool, target } = fileUse(request.tool, request.guarded.path);
  const isShared = request.target.kind === 'file' && request.target.isShared;
  return { tool, params: request.params, target: { ...target, isShared } };
}

function reasonToAsk({ tool, mode, isolation, guarded }: PermissionRequest): string {
  if (guarded !== undefined)
    return `${tool} would change ${guarded.path}, which is run later by ${guarded.runBy}`;
  return isolation?.isMissing
    ? `there is no sandbox here, so ${tool} would run with all rights of the server's user`
    : `${tool} can change something, and permission mode "${mode}" asks for that`;
}
