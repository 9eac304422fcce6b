// Warnings about permission rules that allow more than they seem to, or that can never match. Shown at the start and by
// `doctor`.

import { hasStar } from './allow-command.ts';
import { fitsText } from './fits-text.ts';
import { canFitParameters } from './parameter-rule.ts';
import { fileTools, formatRule, type PermissionRule, parseRule } from './permission-rule.ts';
import { splitPlainCommand, star } from './plain-command.ts';
import { riskOf } from './risky-programs.ts';

export interface RulesToCheck {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Names of MCP servers. */
  readonly servers: readonly string[];
  readonly workspace: string;
}

const builtIn: readonly string[] = [...fileTools, 'bash'];
/** With the names under which calls of foreign agents are judged. */
const named: readonly string[] = [...builtIn, 'delete_file', 'move_file', 'fetch', 'think', 'other'];

export function ruleWarnings({ allow, deny, servers, workspace }: RulesToCheck): readonly string[] {
  const check = (effect: 'allow' | 'deny', texts: readonly string[]): readonly string[] =>
    texts.map(parseRule).flatMap((rule) => {
      const warning = toolWarning(rule, servers) ?? patternWarning(effect, rule, workspace);
      return warning === undefined ? [] : [`the rule ${effect} ${formatRule(rule)} ${warning}`];
    });
  return [...check('allow', allow), ...check('deny', deny)];
}

function toolWarning({ tool }: PermissionRule, servers: readonly string[]): string | undefined {
  const prefixes = servers.map((server) => `${server}__`);
  const isKnown = tool.includes('*')
    ? named.some((name) => fitsText(tool, name)) ||
      prefixes.some(
        (prefix) =>
          prefix.startsWith(tool.split('*', 1)[0] as string) ||
          fitsText(`${tool}*`, prefix) ||
          tool.startsWith(prefix),
      )
    : named.includes(tool) || prefixes.some((prefix) => tool.startsWith(prefix));
  return isKnown ? undefined : 'can never match: there is no such tool';
}

function patternWarning(
  effect: 'allow' | 'deny',
  { tool, pattern }: PermissionRule,
  workspace: string,
): string | undefined {
  if (fileTools.includes(tool)) return pattern === undefined ? undefined : pathWarning(pattern, workspace);
  const isBash = tool === 'bash';
  if (pattern === undefined || pattern === '*' || pattern === '**')
    return effect === 'allow' && fitsText(tool, 'bash') ? 'allows every command' : undefined;
  if (isBash) return effect === 'allow' ? commandWarning(pattern) : undefined;
  if (builtIn.some((name) => fitsText(tool, name)) || canFitParameters(pattern)) return undefined;
  return effect === 'deny'
    ? `denies every call of ${tool}: a pattern for a tool of an MCP server is JSON, such as {"path":"*.env"}, or text that begins with *`
    : 'can never match: a pattern for a tool of an MCP server is its parameters as JSON, such as {"path":"docs/*"}';
}

function pathWarning(pattern: string, workspace: string): string | undefined {
  return pattern.startsWith(workspace) || /^(~|\.\.(\/|$))|\/\.\.(\/|$)/.test(pattern)
    ? 'can never match: paths are relative to the workspace, and never lead out of it'
    : undefined;
}

function commandWarning(pattern: string): string | undefined {
  if (!hasStar(pattern)) return undefined;
  const split = splitPlainCommand(pattern, { stars: true });
  if (split === undefined)
    return 'can never match: a pattern with * may contain only plain or quoted words (\\* matches a star)';
  const words = split.commands.flat();
  if (split.commands.some(([program]) => program?.includes(star)))
    return 'can never match: the program must be spelled out';
  if (words.some((word) => word.startsWith('-') && word.includes(star)))
    return 'can never match: options must be spelled out, with their values';
  const risk = split.commands
    .map(([program = '']) => ({ program, why: riskOf(program) }))
    .find(({ why }) => why);
  const meaning =
    words.at(-1) === star ? '; the last * matches one operand and no option, ** any number of operands' : '';
  if (risk !== undefined) return `may allow more than it seems to (${risk.program}: ${risk.why})${meaning}`;
  return meaning === '' ? undefined : `may match less than it seems to${meaning}`;
}
