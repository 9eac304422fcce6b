// How an editor shows a tool call: its title, kind, files, and the change that it makes.

import { isAbsolute, join } from 'node:path';
import type { ToolCallContent, ToolCallLocation, ToolKind } from '@agentclientprotocol/sdk/unstable';
import { isRecord } from '../base/is-record.ts';
import { shorten } from '../base/text.ts';

/** A call as events and messages describe it. */
export interface Call {
  readonly tool: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** File tools only: the file behind all links, relative to the workspace. */
  readonly realPath?: string | undefined;
}

export interface CallView {
  readonly title: string;
  readonly name: string;
  readonly kind: ToolKind;
  readonly locations: ToolCallLocation[];
  readonly rawInput: Readonly<Record<string, unknown>>;
}

const kinds: Readonly<Record<string, ToolKind>> = {
  read_file: 'read',
  list_directory: 'read',
  glob: 'search',
  search: 'search',
  write_file: 'edit',
  edit_file: 'edit',
  bash: 'execute',
};

const maxTitleLength = 200;

export function callOf(tool: unknown, params: unknown, realPath?: unknown): Call {
  return {
    tool: String(tool),
    params: isRecord(params) ? params : {},
    ...(typeof realPath === 'string' ? { realPath } : {}),
  };
}

export function viewOf(call: Call, workspace: string | undefined): CallView {
  const { tool, params } = call;
  const path = pathOf(call, workspace);
  const line = tool === 'read_file' && typeof params.offset === 'number' ? { line: params.offset } : {};
  return {
    title: shorten(titleOf(call).replaceAll(/\s+/g, ' '), maxTitleLength),
    name: tool,
    kind: kinds[tool] ?? 'other',
    locations: path === undefined ? [] : [{ path, ...line }],
    rawInput: params,
  };
}

function titleOf({ tool, params }: Call): string {
  const path = String(params.path ?? '.');
  switch (tool) {
    case 'bash':
      return String(params.command);
    case 'read_file':
      return `Read ${path}`;
    case 'write_file':
      return `Write ${path}`;
    case 'edit_file':
      return `Edit ${path}`;
    case 'list_directory':
      return `List ${path}`;
    case 'glob':
      return `Find ${String(params.pattern)}`;
    case 'search':
      return `Search for ${String(params.pattern)}`;
    default:
      // Tools of MCP servers are named server__tool.
      return tool.replace('__', ': ');
  }
}

/** The absolute path of the call's file or folder. Undefined if it has none, or the workspace is not known. */
export function pathOf({ tool, params, realPath }: Call, workspace: string | undefined): string | undefined {
  if (kinds[tool] === undefined || tool === 'bash') return undefined;
  const path = realPath ?? (typeof params.path === 'string' ? params.path : undefined);
  if (path === undefined) return undefined;
  if (isAbsolute(path)) return path;
  return workspace === undefined ? undefined : join(workspace, path);
}

/**
 * The change of an edit. Undefined for other tools, and for parameters that were too long for an event.
 * @param before the content of the file that `write_file` replaces; null for a new file; undefined if it is not known
 */
export function diffOf(
  call: Call,
  workspace: string | undefined,
  before: string | null | undefined,
): ToolCallContent | undefined {
  const { tool, params } = call;
  const path = pathOf(call, workspace);
  if (path === undefined) return undefined;
  const { oldText, newText, content } = params;
  if (tool === 'edit_file' && isWhole(oldText) && isWhole(newText))
    return { type: 'diff', path, oldText, newText };
  if (tool === 'write_file' && isWhole(content) && before !== undefined)
    return { type: 'diff', path, oldText: before, newText: content };
  return undefined;
}

/** Events cut long texts and note it in the middle. */
function isWhole(text: unknown): text is string {
  return typeof text === 'string' && !(text.length > 4096 && /\n\[… \d+ bytes left out …\]\n/.test(text));
}
