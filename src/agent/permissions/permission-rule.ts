// A rule of a permission: `tool`, or `tool(pattern)`. For the built-in file tools the pattern stands for paths, for `bash` for commands, and for
// all other tools for their parameters as JSON. Which of these it is depends on the tool, never on what a call passes to it.

import { allowsCommand, commandText, exactPattern } from './allow-command.ts';
import { fitsText } from './fits-text.ts';
import { forbidsCommand } from './forbid-command.ts';
import { allowsParameters, canonicalParameters, forbidsParameters } from './parameter-rule.ts';
import { allowsPath, checkPathPattern, type FileTarget, forbidsPath } from './path-rule.ts';

export interface PermissionRule {
  /** A name, or one with `*` in it, as `github__*`. */
  readonly tool: string;
  readonly pattern: string | undefined;
}

/** What rules are held against. */
export type ToolTarget =
  | FileTarget
  /** A path outside of the workspace, which refuses it. */
  | { readonly kind: 'outside' }
  /** `folder`: where it runs, relative to the workspace, through all links; undefined if it cannot run there. */
  | { readonly kind: 'command'; readonly command: string; readonly folder: string | undefined }
  | { readonly kind: 'parameters' };

export interface ToolUse {
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly target: ToolTarget;
}

export const fileTools: readonly string[] = [
  'read_file',
  'write_file',
  'edit_file',
  'search',
  'glob',
  'list_directory',
];

/** A denied path is denied to every tool that could do the same with it: the rules of these tools hold for the tool as well. */
const alsoDeniedAs: Readonly<Record<string, readonly string[]>> = {
  search: ['read_file'],
  glob: ['read_file'],
  list_directory: ['read_file'],
  edit_file: ['read_file', 'write_file'],
  write_file: ['edit_file'],
};

/** @throws Error that says what is wrong with the text */
export function parseRule(text: string): PermissionRule {
  const match = /^([A-Za-z0-9_*.-]{1,128})(?:\(([\s\S]*)\))?$/.exec(text.trim());
  if (match === null)
    throw new Error(
      `${JSON.stringify(text)} is not a rule; rules look like bash, bash(npm test) or write_file(src/**)`,
    );
  const rule = { tool: match[1] as string, pattern: match[2] };
  const trouble =
    rule.pattern !== undefined && fileTools.includes(rule.tool) ? checkPathPattern(rule.pattern) : undefined;
  if (trouble !== undefined) throw new Error(`the pattern of the rule ${JSON.stringify(text)} ${trouble}`);
  return rule;
}

/** The rule that stands for exactly this use and no other; for a file tool, for any content of this file. */
export function exactRule(use: ToolUse): PermissionRule {
  const { tool, params, target } = use;
  switch (target.kind) {
    case 'file':
      return { tool, pattern: (target.realPath ?? target.path).replace(/[\\*?[\]{}]/g, '\\$&') };
    case 'command':
      return { tool, pattern: exactPattern(commandText(target.command, folderOf(use))) };
    default:
      return { tool, pattern: canonicalParameters(params) ?? JSON.stringify(params) };
  }
}

/** Where a command runs; as the call says, if that leads nowhere. */
function folderOf({ params, target }: ToolUse): string {
  return (target.kind === 'command' ? target.folder : undefined) ?? String(params.cwd ?? '.');
}

/** What a person allows by `allow_always`, in words. */
export function describeExact({ tool, target }: ToolUse): string {
  switch (target.kind) {
    case 'file': {
      const what = tool === 'edit_file' ? 'any change of' : 'any content in';
      return `${tool}: ${what} ${target.realPath ?? target.path}, for the rest of this session`;
    }
    case 'command': {
      const where =
        target.folder === '.' ? "the workspace's root" : `the folder ${target.folder ?? '(unknown)'}`;
      return `${tool}: exactly this command in ${where}, for the rest of this session`;
    }
    default:
      return `${tool}: exactly these parameters, for the rest of this session`;
  }
}

/** Text that `parseRule` understands. */
export function formatRule({ tool, pattern }: PermissionRule): string {
  return pattern === undefined ? tool : `${tool}(${pattern})`;
}

/** True if this rule alone allows the use. */
export function allows(rule: PermissionRule, use: ToolUse): boolean {
  if (!fitsText(rule.tool, use.tool)) return false;
  const { pattern } = rule;
  if (pattern === undefined || pattern === '*' || pattern === '**') return true;
  const { target } = use;
  switch (target.kind) {
    case 'file':
      return allowsPath(pattern, target);
    case 'outside':
      return false;
    case 'command':
      return target.folder !== undefined && allowsCommand([pattern], target.command, target.folder);
    case 'parameters':
      return allowsParameters(pattern, use.params);
  }
}

/** True if one of the rules allows the use, or each part of a command that is a list is allowed by one of them. */
export function isAllowed(rules: readonly PermissionRule[], use: ToolUse): boolean {
  if (rules.some((rule) => allows(rule, use))) return true;
  const { tool, target } = use;
  if (target.kind !== 'command' || target.folder === undefined) return false;
  const patterns = rules.flatMap((rule) => (fitsText(rule.tool, tool) ? (rule.pattern ?? []) : []));
  return allowsCommand(patterns, target.command, target.folder);
}

/** True if the rule forbids the use. What cannot be decided is forbidden. */
export function forbids(rule: PermissionRule, use: ToolUse): boolean {
  const { pattern } = rule;
  const { target } = use;
  if (pattern === undefined) return fitsText(rule.tool, use.tool);
  if (!appliesTo(rule, use.tool)) return false;
  if (pattern === '*' || pattern === '**') return true;
  switch (target.kind) {
    case 'file':
      return forbidsPath(pattern, target);
    case 'outside':
      return false;
    case 'command':
      return [...new Set([target.command, commandText(target.command, folderOf(use))])].some((text) =>
        forbidsCommand(pattern, text),
      );
    case 'parameters':
      return forbidsParameters(pattern, use.params);
  }
}

/** Does a deny rule with a pattern bind this tool? */
export function appliesTo(rule: PermissionRule, tool: string): boolean {
  return [tool, ...(alsoDeniedAs[tool] ?? [])].some((name) => fitsText(rule.tool, name));
}

/** True if two rules say the same. */
export function sameRule(left: PermissionRule, right: PermissionRule): boolean {
  return left.tool === right.tool && left.pattern === right.pattern;
}

/** True if a remembered rule, which is exact, stands for this use. */
export function isExactly(rule: PermissionRule, use: ToolUse): boolean {
  if (use.target.kind === 'file' && use.target.realPath === undefined) return false;
  return sameRule(rule, exactRule(use));
}
