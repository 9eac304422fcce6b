// A rule of a permission: `tool`, or `tool(pattern)`. The pattern stands for the path of a file tool, the command of `bash`, and for other
// tools their parameters as JSON; `*` stands for anything (in a path not for `/`, which `**` does).

import { compileGlob } from '../tools/glob-pattern.ts';

export interface PermissionRule {
  /** A name, or one with `*` in it, as `github__*`. */
  readonly tool: string;
  readonly pattern: string | undefined;
}

export interface ToolUse {
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** For tools that take a `path`: relative to the workspace, without `..`; undefined if it leads out. */
  readonly path: string | undefined;
}

/** @throws Error in words for what is no rule */
export function parseRule(text: string): PermissionRule {
  const match = /^([A-Za-z0-9_*.-]{1,128})(?:\(([\s\S]*)\))?$/.exec(text.trim());
  if (match === null)
    throw new Error(
      `${JSON.stringify(text)} is no rule; rules are as bash, bash(npm test) or write_file(src/**)`,
    );
  return { tool: match[1] as string, pattern: match[2] };
}

/** The rule that stands for exactly this use and no other. */
export function exactRule({ tool, params, path }: ToolUse): PermissionRule {
  return { tool, pattern: path ?? subject(tool, params) };
}

/** Text that `parseRule` understands; only for rules without wildcards is it the same again. */
export function formatRule({ tool, pattern }: PermissionRule): string {
  return pattern === undefined ? tool : `${tool}(${pattern})`;
}

/** True if the rule allows the use: for a command with a wildcard, only if nothing else can hide in it. */
export function allows(rule: PermissionRule, use: ToolUse): boolean {
  if (!fits(rule.tool, use.tool)) return false;
  const { pattern } = rule;
  if (pattern === undefined || pattern === '*' || pattern === '**') return true;
  if ('path' in use.params) {
    return use.path !== undefined && (pattern === use.path || compileGlob(pattern)(use.path));
  }
  const text = subject(use.tool, use.params);
  if (pattern === text) return true;
  if (use.tool === 'bash' && /[;&|<>`$()\n\r\\]/.test(text)) return false;
  return fits(pattern, text);
}

/** True if the rule forbids the use; a command is also looked at in the parts that it is made of. */
export function forbids(rule: PermissionRule, use: ToolUse): boolean {
  if (!fits(rule.tool, use.tool)) return false;
  const { pattern } = rule;
  if (pattern === undefined) return true;
  if ('path' in use.params) {
    // What leads out is refused by the workspace itself.
    return use.path !== undefined && (pattern === use.path || compileGlob(pattern)(use.path));
  }
  const text = subject(use.tool, use.params);
  const parts =
    use.tool === 'bash' ? [text, ...text.split(/[;&|\n\r()`]|\$\(/).map((part) => part.trim())] : [text];
  return parts.some((part) => fits(pattern, part));
}

/** True if two rules say the same. */
export function sameRule(left: PermissionRule, right: PermissionRule): boolean {
  return left.tool === right.tool && left.pattern === right.pattern;
}

/** True if a remembered rule, which is exact, stands for this use. */
export function isExactly(rule: PermissionRule, use: ToolUse): boolean {
  return sameRule(rule, exactRule(use));
}

/** What a pattern is held against where there is no path. */
function subject(tool: string, params: Readonly<Record<string, unknown>>): string {
  if (tool === 'bash') {
    const { command, cwd } = params;
    // Another folder makes it another command.
    return cwd === undefined || cwd === '.' ? String(command) : `cd ${String(cwd)} && ${String(command)}`;
  }
  return JSON.stringify(params);
}

/** `*` stands for anything; everything else for itself. */
function fits(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text;
  const pieces = pattern.split('*');
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
