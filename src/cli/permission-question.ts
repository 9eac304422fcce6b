// The question about a tool call: its parameters, a diff if it changes a file, and the calls that "always" covers.

import { readBefore } from '../base/file-before.ts';
import { oneLine, paint } from './output.ts';

export interface Question {
  readonly permissionId: string;
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The real path of a file tool's path, relative to the workspace. */
  readonly realPath: string | undefined;
  readonly alwaysCovers: string | undefined;
  /** Whether the command would run without a sandbox. */
  readonly isUnsandboxed: boolean;
}

/** From the data of `permission.request`. */
export function questionOf(data: Readonly<Record<string, unknown>>): Question {
  const { permissionId, tool, params, realPath, alwaysCovers, sandbox } = data;
  return {
    permissionId: String(permissionId),
    tool: String(tool),
    params: typeof params === 'object' && params !== null ? { ...params } : {},
    realPath: realPath === undefined ? undefined : String(realPath),
    alwaysCovers: alwaysCovers === undefined ? undefined : String(alwaysCovers),
    isUnsandboxed: sandbox === 'none',
  };
}

/** `workspace`: its path, if it is on this machine. */
export async function describeQuestion(
  { tool, params, realPath, alwaysCovers, isUnsandboxed }: Question,
  workspace: string | undefined,
): Promise<string> {
  const change = await describeChange(tool, params, realPath, workspace);
  const { shown, rest } = change ?? { shown: [], rest: params };
  const name = isUnsandboxed ? `${tool} (without a sandbox)` : tool;
  const head = Object.keys(rest).length === 0 ? `? ${name}` : `? ${name} ${JSON.stringify(rest)}`;
  return [
    oneLine(head),
    ...(realPath === undefined ? [] : [oneLine(`  file: ${realPath}`)]),
    ...shown,
    ...(alwaysCovers === undefined ? [] : [oneLine(`  always covers: ${alwaysCovers}`)]),
  ].join('\n');
}

interface Change {
  readonly shown: readonly string[];
  /** The parameters that the diff does not show. */
  readonly rest: Readonly<Record<string, unknown>>;
}

async function describeChange(
  tool: string,
  params: Readonly<Record<string, unknown>>,
  realPath: string | undefined,
  workspace: string | undefined,
): Promise<Change | undefined> {
  const { oldText, newText, content, ...rest } = params;
  if (tool === 'edit_file' && typeof oldText === 'string' && typeof newText === 'string')
    return { shown: await diffLines(oldText, newText), rest };
  if (tool !== 'write_file' || typeof content !== 'string') return undefined;
  const before = workspace === undefined ? undefined : readBefore(workspace, realPath ?? String(rest.path));
  return { shown: await diffLines(before ?? '', content), rest };
}

async function diffLines(before: string, after: string): Promise<readonly string[]> {
  const { structuredPatch } = await import('diff');
  const { hunks } = structuredPatch('', '', before, after, undefined, undefined, { context: 3 });
  return hunks.flatMap(({ lines }, index) => [
    ...(index === 0 ? [] : [paint('dim', '  …')]),
    ...lines.map((line) => {
      const text = `  ${oneLine(line)}`;
      if (line.startsWith('+')) return paint('green', text);
      return line.startsWith('-') ? paint('red', text) : text;
    }),
  ]);
}
