// Permission rules: `tool` or `tool(pattern)`. The pattern matches paths for the built-in file tools, commands for
// `bash`, and parameters as JSON for all other tools. The kind of pattern depends only on the tool, never on the
// parameters of a call.

import { allowsCommand, commandText, exactPattern } from './allow-command.ts';
import { fitsText } from './fits-text.ts';
import { forbidsCommand } from './forbid-command.ts';
import { allowsParameters, canonicalParameters, forbidsParameters } from './parameter-rule.ts';
import { allowsPath, checkPathPattern, type FileTarget, forbidsPath } from './path-rule.ts';

export interface PermissionRule {
  /** A tool's name; it may contain `*`, as in `github__*`. */
  readonly tool: string;
  readonly pattern: string | undefined;
}

/** The value that a rule's pattern is compared with. */
export type ToolTarget =
  | FileTarget
  /** A path outside the workspace, which refuses it. */
  | { readonly kind: 'outside' }
  /** `folder`: where it runs, relative to the workspace with all links followed; undefined if it cannot run there. */
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

/** A denied path is denied to every tool that could do the same with it: rules for these tools also bind the tool. */
const alsoDeniedAs: Readonly<Record<string, readonly string[]>> = {
  search: ['read_file'],
  glob: ['read_file'],
  list_directory: ['read_file'],
  edit_file: ['read_file', 'write_file'],
  write_file: ['edit_file'],
};

/** @throws Error with the fault of the text */
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

/** The rule for exactly this use and no other. For a file tool it covers any content of this file. */
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

/** The folder where a command runs. If it does not exist, as the call spells it. */
function folderOf({ params, target }: ToolUse): string {
  return (target.kind === 'command' ? target.folder : undefined) ?? String(params.cwd ?? '.');
}

/** Describes what `allow_always` covers. */
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

/** The rule as text, which `parseRule` reads. */
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

/** True if one of the rules allows the use, or if each part of a list of commands is allowed by one of them. */
export function isAllowed(rules: readonly PermissionRule[], use: ToolUse): boolean {
  if (rules.some((rule) => allows(rule, use))) return true;
  const { tool, target } = use;
  if (target.kind !== 'command' || target.folder === undefined) return false;
  const patterns = rules.flatMap((rule) => (fitsText(rule.tool, tool) ? (rule.pattern ?? []) : []));
  return allowsCommand(patterns, target.command, target.folder);
}

/** True if the rule forbids the use, or if it cannot be decided. */
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

/** True if a deny rule with a pattern applies to this tool. */
export function appliesTo(rule: PermissionRule, tool: string): boolean {
  return [tool, ...(alsoDeniedAs[tool] ?? [])].some((name) => fitsText(rule.tool, name));
}

/** True if two rules are the same. */
export function sameRule(left: PermissionRule, right: PermissionRule): boolean {
  return left.tool === right.tool && left.pattern === right.pattern;
}

/** True if the rule is the exact rule of this use. Remembered rules are exact. */
export function isExactly(rule: PermissionRule, use: ToolUse): boolean {
  if (use.target.kind === 'file' && use.target.realPath === undefined) return false;
  return sameRule(rule, exactRule(use));
}
