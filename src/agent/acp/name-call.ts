// Names a tool call of an agent as our own tool that does the same, so that rules, pages and webhooks treat both alike:
// `bash` for a command, `edit_file` and `write_file` for a change, `server__tool` for a tool of an MCP server.

import { isAbsolute, relative, sep } from 'node:path';
import { shorten } from '../../base/text.ts';
import type { ForeignCall, ForeignUse } from '../foreign-types.ts';
import type { CallFacts, Diff } from './read-call.ts';

/** More of a diff is not stored with a message. */
const maxDiffText = 131_072;

/** The call as it is recorded. */
export function recordedCall(call: CallFacts, workspace: string): ForeignCall {
  const [first] = usesOf(call, workspace);
  return { tool: first.tool, params: first.params };
}

/** What the call does, as rules and modes judge it: a call that changes several files is one use for each. */
export function usesOf(call: CallFacts, workspace: string): readonly [ForeignUse, ...ForeignUse[]] {
  const { kind, input, diffs, title } = call;
  const inside = (path: string): string => insidePath(path, workspace);
  const [firstDiff, ...moreDiffs] = diffs;
  if (firstDiff !== undefined)
    return [diffUse(firstDiff, inside), ...moreDiffs.map((diff) => diffUse(diff, inside))];
  const [path, ...morePaths] = pathsOf(call).map(inside);
  switch (kind) {
    case 'execute': {
      const command = commandOf(input);
      const cwd = folderOf(input);
      const where = cwd === undefined ? {} : { cwd: inside(cwd) };
      return command === undefined
        ? [{ tool: 'bash', params: { command: title, ...where }, readOnly: false, isGuess: true }]
        : [{ tool: 'bash', params: { command, ...where }, readOnly: false }];
    }
    case 'edit': {
      if (path === undefined) break;
      const use = (one: string): ForeignUse => ({
        tool: 'edit_file',
        params: { path: one },
        readOnly: false,
      });
      return [use(path), ...morePaths.map(use)];
    }
    case 'delete':
    case 'move':
      return [
        {
          tool: `${kind}_file`,
          params: { ...paramsOf(call), ...(path === undefined ? {} : { path }) },
          readOnly: false,
          alsoDeniedAs: [path, ...morePaths].flatMap((one) =>
            one === undefined ? [] : [{ tool: 'write_file', params: { path: one } }],
          ),
        },
      ];
    case 'read':
      if (path === undefined) break;
      return [{ tool: 'read_file', params: { path }, readOnly: true }];
    case 'search':
      return [{ tool: 'search', params: { ...paramsOf(call), path: path ?? '.' }, readOnly: true }];
    case 'think':
      return [{ tool: 'think', params: paramsOf(call), readOnly: true }];
  }
  return [{ tool: toolName(call), params: paramsOf(call), readOnly: false }];
}

/** The files that the call changes, relative to the workspace; those outside are left out. */
export function changedFiles(call: CallFacts, workspace: string): readonly string[] {
  if (!['edit', 'delete', 'move'].includes(call.kind) && call.diffs.length === 0) return [];
  const paths = call.diffs.length > 0 ? call.diffs.map(({ path }) => path) : pathsOf(call);
  return paths.map((path) => insidePath(path, workspace)).filter((path) => !isOutside(path));
}

/** Changes besides the first, which the recorded call shows. */
export function moreChanges(call: CallFacts, workspace: string): readonly ForeignCall[] {
  return call.diffs.length < 2 ? [] : usesOf(call, workspace).slice(1);
}

function diffUse({ path, oldText, newText }: Diff, inside: (path: string) => string): ForeignUse {
  const file = inside(path);
  return oldText === undefined
    ? { tool: 'write_file', params: { path: file, content: shorten(newText, maxDiffText) }, readOnly: false }
    : {
        tool: 'edit_file',
        params: {
          path: file,
          oldText: shorten(oldText, maxDiffText),
          newText: shorten(newText, maxDiffText),
        },
        readOnly: false,
      };
}

function commandOf({ command, cmd }: CallFacts['input']): string | undefined {
  const given = command ?? cmd;
  if (typeof given === 'string') return given.trim() === '' ? undefined : given;
  if (!Array.isArray(given) || given.length === 0 || !given.every((word) => typeof word === 'string'))
    return undefined;
  const [shell = '', flag, script, ...more] = given;
  // Show the script, not the shell that runs it.
  if (
    /(?:^|[/\\])(?:ba|z|da)?sh$/.test(shell) &&
    /^-[lic]*c$/.test(flag ?? '') &&
    more.length === 0 &&
    script
  )
    return script;
  return given
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function folderOf({ cwd, workdir, directory }: CallFacts['input']): string | undefined {
  return [cwd, workdir, directory].find((one) => typeof one === 'string' && one !== '') as string | undefined;
}

function pathsOf({ paths, input }: CallFacts): readonly string[] {
  if (paths.length > 0) return [...new Set(paths)];
  const named = [input.file_path, input.filePath, input.path, input.absolute_path, input.notebook_path];
  return named.filter((one): one is string => typeof one === 'string' && one !== '').slice(0, 1);
}

/** Relative to the workspace, with `/`, if it is inside. */
function insidePath(path: string, workspace: string): string {
  if (!isAbsolute(path)) return path;
  const inside = relative(workspace, path);
  return isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`)
    ? path
    : inside.split(sep).join('/') || '.';
}

function isOutside(path: string): boolean {
  return isAbsolute(path) || path === '..' || path.startsWith('../');
}

function paramsOf({ title, input }: CallFacts): Readonly<Record<string, unknown>> {
  return title === '' ? input : { title, ...input };
}

/** Rules name it. Agents call a tool of an MCP server `mcp__server__tool`. */
function toolName({ name, kind }: CallFacts): string {
  const given = name
    ?.replace(/^mcp__/, '')
    .replace(/[^A-Za-z0-9_.-]+/g, '_')
    .slice(0, 128);
  return given === undefined || given === '' || given === '_' ? kind : given;
}
