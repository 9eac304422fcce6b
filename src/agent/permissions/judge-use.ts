// Decides by rules and the permission mode whether a tool may run. If neither decides, a person is asked.

import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { CommandIsolation } from '../tools/tool-box.ts';
import type { FilesThatRunLater } from './files-that-run-later.ts';
import type { GuardedFile } from './guarded-files.ts';
import type { FileTarget } from './path-rule.ts';
import {
  allows,
  appliesTo,
  forbids,
  formatRule,
  isAllowed,
  isExactly,
  type PermissionRule,
  type ToolUse,
} from './permission-rule.ts';

/** A use that is never asked about: a direct call, or a command of the offline agent. */
export interface UnaskedUse extends ToolUse {
  readonly mode: PermissionMode;
  readonly readOnly: boolean;
}

export interface JudgedUse extends UnaskedUse {
  /** The file that the call would change, if other programs run it later. */
  readonly guarded?: GuardedFile | undefined;
  /** True if its file is outside the workspace, where only foreign agents go: rules are about the workspace. */
  readonly isOutside?: boolean;
  /** How the command will run; undefined for tools that run no commands. */
  readonly isolation?: CommandIsolation | undefined;
  /** The rules that this session has remembered. */
  readonly remembered: () => readonly PermissionRule[];
}

export interface Verdict {
  readonly allowed: boolean;
  readonly reason: string;
}

export interface Judge {
  /** True if a call may run wherever its path leads: its tool only reads, and no deny rule binds the tool. */
  ignoresTarget(call: { readonly tool: string; readonly readOnly: boolean }): boolean;
  /** The reason why a deny rule or the mode `read-only` forbids the use for every caller; undefined if neither does. */
  reasonAgainst(use: UnaskedUse): string | undefined;
  /** Undefined if a person must decide. */
  judge(use: JudgedUse): Verdict | undefined;
}

export interface JudgeOptions {
  readonly allow: readonly PermissionRule[];
  readonly deny: readonly PermissionRule[];
  /** Tells which rules name files that run later. */
  readonly runLater: Pick<FilesThatRunLater, 'isNamedBy'>;
}

const editingTools: readonly string[] = ['write_file', 'edit_file'];

export function createJudge({ allow, deny, runLater }: JudgeOptions): Judge {
  function reasonAgainst(use: UnaskedUse): string | undefined {
    const forbidding = deny.find((rule) => forbids(rule, use));
    if (forbidding !== undefined) return `the rule deny ${formatRule(forbidding)} forbids it`;
    if (use.mode === 'read-only' && !use.readOnly)
      return 'the permission mode "read-only" allows only tools that read';
    return undefined;
  }

  /**
   * Allows a file that runs later only if a rule names it or a person approved it: the author of `write_file(**)`
   * probably did not mean hooks.
   */
  function judgeGuarded(request: JudgedUse): Verdict | undefined {
    // Judged by the file that really changes, not by the link that leads to it.
    const use = asShown(request);
    const names = (rule: PermissionRule): boolean =>
      rule.pattern !== undefined && (isLiteral(rule.pattern) || runLater.isNamedBy(rule.pattern));
    if (allow.some((rule) => names(rule) && allows(rule, use)))
      return { allowed: true, reason: 'a rule names it and allows it' };
    if (request.remembered().some((rule) => isExactly(rule, use)))
      return { allowed: true, reason: 'it was allowed for this session' };
    return undefined;
  }

  return {
    ignoresTarget: ({ tool, readOnly }) => readOnly && !deny.some((rule) => appliesTo(rule, tool)),
    reasonAgainst,
    judge(request) {
      const against = reasonAgainst(request);
      if (against !== undefined) return { allowed: false, reason: against };
      if (request.readOnly) return { allowed: true, reason: 'it only reads' };
      if (request.mode === 'full') return { allowed: true, reason: 'permission mode "full"' };
      if (request.guarded !== undefined) return judgeGuarded(request);
      // Without the sandbox, only a rule for exactly this command allows it.
      const isGranted =
        request.isolation?.isMissing || request.isOutside
          ? allow.some((rule) => isExactly(rule, request))
          : isAllowed(allow, request);
      if (isGranted) return { allowed: true, reason: 'a rule allows it' };
      if (request.remembered().some((rule) => isExactly(rule, request)))
        return { allowed: true, reason: 'it was allowed for this session' };
      if (request.mode === 'auto-edit' && editingTools.includes(request.tool) && !request.isOutside)
        return { allowed: true, reason: 'permission mode "auto-edit"' };
      return undefined;
    },
  };
}

/**
 * True if a rule that names the file lets the file tools write a file that runs later. Commands may write it then, too.
 */
export function allowsWriting(
  rule: PermissionRule,
  path: string,
  runLater: Pick<FilesThatRunLater, 'isNamedBy'>,
): boolean {
  if (rule.pattern === undefined || !runLater.isNamedBy(rule.pattern)) return false;
  // A rule for the content of a folder allows the folder.
  return editingTools.some((tool) => [path, `${path}/x`].some((one) => allows(rule, fileUse(tool, one))));
}

/** The use as a person sees it and as it is remembered: a file that runs later by its real path. */
export function asShown(use: Pick<JudgedUse, 'tool' | 'params' | 'target' | 'guarded'>): ToolUse {
  if (use.guarded === undefined) return use;
  const { tool, target } = fileUse(use.tool, use.guarded.path);
  const isShared = use.target.kind === 'file' && use.target.isShared;
  return { tool, params: use.params, target: { ...target, isShared } };
}

/** A use of a file tool on a real path. */
function fileUse(tool: string, path: string): ToolUse & { readonly target: FileTarget } {
  const target = { kind: 'file' as const, path, realPath: path, isShared: false, otherNames: [] };
  return { tool, params: { path }, target };
}

function isLiteral(pattern: string): boolean {
  return !/[*?[\]{}\\]/.test(pattern);
}
